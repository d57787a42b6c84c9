"""A program that builds on a cluster and does some harm meanwhile, for test_ray.py.

python ray_driver.py ADDRESS WHAT CORPUS MODEL INDEX [RAYLET...]; prints a JSON object a line.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from dxqa import Index
from dxqa.encoders import distributed_encoder
from dxqa.errors import ClusterError

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.heavy.ray_nodes import children

AFTER = 1000  # texts


def main(address: str, what: str, paths: list[str], raylets: list[int]) -> None:
    """Build, and tell what came of it."""
    corpus, model, folder = map(Path, paths)
    encoder = distributed_encoder(str(model), address=address)
    if what in HARM:
        HARM[what](model)
    told: list[int] = []

    def progress(done: int, _: int) -> None:
        told.append(done)
        if what in KILL and done >= AFTER > told[-2]:
            tell(killed=KILL[what](raylets), at=done)

    try:
        index = Index.build(corpus, encoder=encoder, folder=folder, progress=progress)
    except ClusterError as error:
        tell(error=str(error))
        return
    nodes = sorted(getattr(encoder, "nodes", ()))
    tell(nodes=nodes, told=told, embedded=index.report.embedded)


def tell(**what: object) -> None:
    """Print an object on one line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def kill_worker(raylets: list[int]) -> list[int]:
    """Kill one of the actors that embed."""
    actors = [pid for raylet in raylets for pid in children(raylet, "EmbeddingWorker")]
    return kill(actors[-1:])


def kill(pids: list[int]) -> list[int]:
    """Kill processes as an unlucky machine would."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


def change(model: Path) -> None:
    """Give the model's prompt another name."""
    path = model / "config_sentence_transformers.json"
    path.write_text(path.read_text("utf-8").replace("document", "passage"), "utf-8")


KILL: dict[str, Callable[[list[int]], list[int]]] = {
    "kill a worker": kill_worker,
    "kill a node": kill,
    "kill the driver": lambda _: kill([os.getpid()]),
}
HARM: dict[str, Callable[[Path], object]] = {
    "remove the model": shutil.rmtree,
    "change the model": change,
    "break the model": lambda model: (model / "model.safetensors").write_bytes(b"broken"),
}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:6], [int(pid) for pid in sys.argv[6:]])

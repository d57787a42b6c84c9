"""Several processes for a long build: sentence-transformers' own pool, opened once.

One process with many threads leaves most of a large machine idle, because a model this small has
little to divide between them. Importing this module does not load torch.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from dxqa.types import Encoder

THREADS = 2  # of each process
_FEWEST_CORES = 4
_FEWEST_TEXTS = 4000  # fewer are done before the processes have loaded torch


def pool(encoder: Encoder, texts: int) -> AbstractContextManager[int]:
    """Let an encoder use all processors until the end of the block, if that is worth while.

    It is not on few processors or for few texts, nor with an encoder that has no ``pool`` of its
    own: then nothing happens. Processes are started by importing the main program anew, so this is
    for programs that allow it (``if __name__ == "__main__"``), such as the command line.

    The block is told how many processes there are.

    Args:
        encoder: any.
        texts: how many are going to be encoded.
    """
    own = getattr(encoder, "pool", None)
    return own(texts) if own else nullcontext(1)


def devices(texts: int, gpus: int) -> list[str]:
    """Return the device of each process that pays off; none where one process does as well."""
    if texts < _FEWEST_TEXTS or gpus == 1:
        return []
    if gpus:
        return [f"cuda:{number}" for number in range(gpus)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ["cpu"] * ((cores or 1) // THREADS) if (cores or 1) >= _FEWEST_CORES else []


@contextmanager
def open_pool(model: Any, places: list[str]) -> Iterator[Any]:  # noqa: ANN401 - not to load torch
    """Start processes for a ``SentenceTransformer`` and end them, however the block ends."""
    device = model.device
    with _inherited():
        started = model.start_multi_process_pool(places)
    try:
        yield started
    finally:
        model.stop_multi_process_pool(started)
        model.to(device)  # starting the pool moved it to the main memory


@contextmanager
def _inherited() -> Iterator[None]:
    """Set what new processes take over: few threads, and Ctrl-C left to this process."""
    before = os.environ.get("OMP_NUM_THREADS")
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if is_main else None
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
        if is_main:
            signal.signal(signal.SIGINT, handler)

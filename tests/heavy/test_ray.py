"""Builds on a real Ray cluster of two nodes: the same index, whatever is killed meanwhile."""

import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dxqa.store import read_record
from tests.conftest import CORPUS
from tests.heavy.ray_nodes import HEAD, SECOND, Nodes, children
from tests.models import save_transformer

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

DXQA = [sys.executable, "-m", "dxqa.cli"]
WORKER = "EmbeddingWorker"
DRIVER = Path(__file__).with_name("ray_driver.py")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with a path short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="dxqa-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def nodes(place: Path) -> Iterator[Nodes]:
    with Nodes(place / "ray") as started:
        started.start(HEAD)
        started.start(SECOND)
        yield started


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_transformer(
        tmp_path_factory.mktemp("small") / "model", prompts={"document": "検索文書: "}, width=256
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(30):
        lines = [
            f"第{number}号の{n}件目の取り組みを、{n % 7}つの課が進めている。" for n in range(120)
        ]
        (folder / f"{number}.md").write_text("# 取り組み\n\n" + "\n\n".join(lines), "utf-8")
    return folder


@pytest.fixture(scope="module")
def alone(nodes: Nodes, corpus: Path, model: Path, place: Path) -> dict[str, str]:
    """The files of the index that one process makes."""
    folder = place / "alone"
    arguments = ["--corpus", str(corpus), "--model", str(model), "--index", str(folder)]
    done = nodes.run([*DXQA, "build", *arguments])
    assert done.returncode == 0, done.stderr
    return digests(folder)


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of an index."""
    return {name: digest for name, (_, digest) in read_record(folder).files.items()}


def drive(nodes: Nodes, what: str, *arguments: object) -> list[dict[str, object]]:
    """Build by Python (ray_driver.py) and return what it prints."""
    done = nodes.run([sys.executable, str(DRIVER), nodes.address, what, *map(str, arguments)])
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("{") for line in done.stdout.splitlines()), done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_line_makes_the_same_index_and_is_quiet(nodes: Nodes, tmp_path: Path) -> None:
    build = [*DXQA, "build", "--corpus", str(CORPUS), "--index"]
    assert nodes.run([*build, str(tmp_path / "alone")]).returncode == 0
    both = nodes.run(
        [*build, str(tmp_path / "ray"), "--distributed", "--ray-address", nodes.address]
    )
    assert both.returncode == 0
    assert both.stderr == ""
    assert len(both.stdout.splitlines()) == 1
    assert digests(tmp_path / "ray") == digests(tmp_path / "alone")


def test_both_nodes_work_and_progress_is_told(
    nodes: Nodes, alone: dict[str, str], corpus: Path, model: Path, tmp_path: Path
) -> None:
    [end] = drive(nodes, "build", corpus, model, tmp_path / "i")
    assert end["nodes"] == [HEAD, SECOND]
    told = end["told"]
    assert isinstance(told, list)
    assert told == sorted(told)
    assert told[-1] == end["embedded"]
    assert len(told) > 10
    assert digests(tmp_path / "i") == alone


def test_a_worker_killed_midway_is_survived(
    nodes: Nodes, alone: dict[str, str], corpus: Path, model: Path, tmp_path: Path
) -> None:
    raylets = [pid for node in nodes.running for pid in children(node, "raylet/raylet")]
    killed, end = drive(nodes, "kill a worker", corpus, model, tmp_path / "i", *raylets)
    assert killed["killed"]
    assert killed["at"] < end["embedded"] / 2  # type: ignore[operator]
    assert digests(tmp_path / "i") == alone


def test_a_driver_killed_midway_goes_on(
    nodes: Nodes, alone: dict[str, str], corpus: Path, model: Path, tmp_path: Path
) -> None:
    command = [str(DRIVER), nodes.address, "kill the driver", *map(str, (corpus, model))]
    cut_off = nodes.run([sys.executable, *command, str(tmp_path / "i")])
    assert cut_off.returncode == -signal.SIGKILL
    [end] = drive(nodes, "build", corpus, model, tmp_path / "i")
    total = drive(nodes, "build", corpus, model, tmp_path / "whole")[0]["embedded"]
    assert 0 < end["embedded"] < total  # type: ignore[operator]
    assert digests(tmp_path / "i") == alone


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("remove the model", "モデルのフォルダがありません"),
        ("change the model", "の中身が、こちらのものと違います"),
        ("break the model", "モデルを読み込めません"),
    ],
)
def test_a_node_without_the_model_says_so(
    nodes: Nodes, corpus: Path, tmp_path: Path, harm: str, message: str
) -> None:
    own = save_transformer(tmp_path / "model", prompts={"document": "検索文書: "})
    [end] = drive(nodes, harm, corpus, own, tmp_path / "i")
    said = str(end["error"])
    assert said.startswith(("クラスターの 127.0.0.2 で", "クラスターの 127.0.0.3 で"))
    assert message in said
    assert "\n" not in said


def test_a_node_without_dxqa_says_so(place: Path, corpus: Path, model: Path) -> None:
    lacking = place / "lacking"
    lacking.mkdir()
    (lacking / "dxqa.py").write_text("raise ModuleNotFoundError(\"No module named 'dxqa'\")\n")
    with Nodes(place / "r2") as other:
        other.start(HEAD, {"PYTHONPATH": str(lacking)})
        build = [*DXQA, "build", "--corpus", str(corpus), "--model", str(model)]
        build += ["--index", str(place / "none"), "--distributed", "--ray-address", other.address]
        done = other.run(build)
    assert done.returncode == 1
    assert "dxqa を読み込めません" in done.stderr
    assert "pip install 'dxqa[ray]==" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_node_lost_midway_is_survived(
    nodes: Nodes, alone: dict[str, str], corpus: Path, model: Path, tmp_path: Path
) -> None:
    # The last one of those that use the cluster: it has one node afterwards.
    raylets = children(nodes.running[-1], "raylet/raylet")
    assert raylets
    killed, _ = drive(nodes, "kill a node", corpus, model, tmp_path / "i", *raylets)
    assert killed["killed"] == raylets
    assert digests(tmp_path / "i") == alone


def test_an_address_where_nobody_listens(nodes: Nodes, tmp_path: Path) -> None:
    build = [*DXQA, "build", "--corpus", str(CORPUS), "--index", str(tmp_path / "i")]
    done = nodes.run([*build, "--distributed", "--ray-address", "127.0.0.1:9"])
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "ray start --head" in done.stderr
    assert "Traceback" not in done.stderr

"""A Ray cluster for very long builds: blocks of texts out, vectors back in order (Ray Data).

The nodes get the blocks that one process would embed, so that the vectors are the same. Importing
this module does not import Ray.
"""

import contextlib
import io
import itertools
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from dxqa.encoders import ray_worker
from dxqa.encoders.deferred import FEW, expecting, options_of
from dxqa.encoders.processes import THREADS
from dxqa.encoders.text import clean
from dxqa.errors import ClusterError
from dxqa.types import Encoder, Progress, Vectors

_ROUND = 4096
"""Blocks that one dataset holds: bounds what lies in Ray's memory; each loads the models anew."""
_QUEUED = 2  # blocks at each actor: one at work, one at hand
_PATIENCE = 10.0  # seconds until a head counts as out of reach
_LAST_BLOCK = 30.0  # seconds that a block under way may take when a build is given up
_PARKED = "Prefetcher"  # a thread of Ray Data that sleeps for good, and asks for nothing
_START = (
    "先に `ray start --head` と、ほかの機械での `ray start --address=…` でクラスターを始めるか、"
    "--ray-address で場所を指定してください。この機械だけで作るなら --distributed は要りません。"
)


class DistributedEncoder:
    """An ``Encoder`` whose long builds run on a Ray cluster; everything else runs here."""

    def __init__(self, encoder: Encoder, address: str | None = None) -> None:
        """Wrap the encoder of this machine; ``distributed_encoder`` is the usual way to get here.

        Raises:
            ClusterError: Ray is not installed, or there is no such cluster.
        """
        self._local = encoder
        self._address = address or os.environ.get("RAY_ADDRESS") or "auto"
        self._plan: Plan | None = None
        self.nodes: set[str] = set()
        """Addresses of the nodes that have embedded something."""
        with _connected(self._address):
            pass  # before a large corpus is read, not after

    @property
    def name(self) -> str:
        """What ``--model`` took."""
        return self._local.name

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return self._local.dimension

    @property
    def fingerprint(self) -> str:
        """Of the model here, which those of the nodes have to equal."""
        return self._local.fingerprint

    @property
    def options(self) -> dict[str, Any]:
        """What ``load_encoder`` has to be told besides the name."""
        return options_of(self._local)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._local.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._local.encode_passages(texts, progress)

    @contextlib.contextmanager
    def expecting(self, texts: int) -> Iterator[int]:
        """Connect to the cluster until the end of the block, unless there is little to embed."""
        if texts <= FEW:
            with expecting(self._local, texts) as processes:
                yield processes
            return
        with _connected(self._address) as ray:
            self._plan = plan([node["Resources"] for node in ray.nodes() if node["Alive"]])
            try:
                yield 1
            finally:
                self._plan = None

    def encode_blocks(self, blocks: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """Yield the vectors of each block, in order.

        Raises:
            ClusterError: a node cannot embed, or Ray gives up.
        """
        if self._plan is None:
            yield from map(self.encode_passages, blocks)
            return
        remaining = iter(blocks)
        while some := list(itertools.islice(remaining, _ROUND)):
            yield from self._round(some, self._plan)

    def _round(self, blocks: Sequence[Sequence[str]], plan: "Plan") -> Iterator[Vectors]:
        rows = self._rows(blocks, plan)
        try:
            for number, row in enumerate(rows):
                yield self._vectors(number, row)
        except ClusterError:
            raise
        except Exception as error:
            raise ClusterError(
                f"クラスターでの計算が止まりました({_brief(error)})。"
                "`ray status` でクラスターを確かめてください。計算の済んだ分は残してあり、"
                "もう一度実行すると続きから始めます。"
            ) from error
        finally:
            rows.close()

    def _rows(
        self, blocks: Sequence[Sequence[str]], plan: "Plan"
    ) -> Generator[dict[str, Any], None, None]:
        """Run a dataset with one block a row; see to its order, and that it says nothing."""
        from ray import cloudpickle, data  # noqa: PLC0415

        cloudpickle.register_pickle_by_value(ray_worker)
        context = data.DataContext.get_current().copy()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = context.print_on_execution_start = False
        with data.DataContext.current(context), _silent("ray.data"), _threads_ended():
            items = [
                {"number": number, "texts": [clean(text) for text in block]}
                for number, block in enumerate(blocks)
            ]
            dataset = data.from_items(items, override_num_blocks=len(items)).map_batches(
                ray_worker.EmbeddingWorker,
                batch_size=None,
                batch_format="pyarrow",
                compute=data.ActorPoolStrategy(
                    min_size=1,
                    max_size=plan.actors,
                    initial_size=plan.actors,
                    max_tasks_in_flight_per_actor=_QUEUED,
                ),
                fn_constructor_kwargs={
                    "model": _reachable(self._local.name),
                    "options": self.options,
                    "fingerprint": self.fingerprint,
                    "release": version("dxqa"),
                    "threads": plan.cpus,
                },
                num_cpus=plan.cpus,
                num_gpus=plan.gpus,
            )
            yield from dataset.iter_rows()

    def _vectors(self, number: int, row: Mapping[str, Any]) -> Vectors:
        if row["error"]:
            raise ClusterError(f"クラスターの {row['node']} で埋め込めません: {row['error']}")
        if row["number"] != number:
            raise ClusterError("クラスターからの結果の順序が違います。もう一度実行してください。")
        self.nodes.add(row["node"])
        return np.frombuffer(row["vectors"], np.float32).reshape(-1, self.dimension)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many actors a cluster runs, and what each of them has."""

    actors: int
    cpus: int
    gpus: int = 0


def plan(nodes: Sequence[Mapping[str, float]]) -> Plan:
    """Divide the nodes: one actor for each GPU, or where there is none, for each few processors.

    Args:
        nodes: the resources of each node that is alive, as Ray names them.

    Raises:
        ClusterError: no node offers processors.
    """
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if any(gpus):
        return Plan(sum(gpus), cpus=1, gpus=1)
    offered = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    if not offered:
        raise ClusterError(
            "クラスターに、計算に使える CPU がありません。`ray status` で確かめてください。"
        )
    cpus = min(THREADS, *offered)
    return Plan(sum(count // cpus for count in offered), cpus)


def _reachable(name: str) -> str:
    """Return the name for a node, whose working folder is another."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() else name


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Be a driver of the cluster until the end of the block; one that already is stays it."""
    if find_spec("ray") is None:
        raise ClusterError("Ray がありません。pip install 'dxqa[ray]' で入れてください。")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what it would write to stderr
    import ray  # noqa: PLC0415 - large, and optional

    if ray.is_initialized():
        yield ray
        return
    try:
        found = _running() if address == "auto" else address
        _check(found)
        with _no_stderr():
            ray.init(address=found, logging_level=logging.CRITICAL, log_to_driver=False)
    except ClusterError:
        raise
    except Exception as error:
        raise ClusterError(
            f"Ray のクラスターにつながりません: {address}({_brief(error)})。{_START}"
        ) from error
    try:
        with contextlib.redirect_stdout(_WithoutRay(sys.stdout)):
            yield ray
    finally:
        # It prints what it has kept back of lost nodes, from this very thread.
        nowhere = io.StringIO()
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            ray.shutdown()


def _running() -> str:
    """Return the address of the cluster that this machine is a node of, as Ray's own "auto" does.

    Ray has no public function for it, and would try the address of a cluster that has ended for a
    quarter of an hour.
    """
    from ray._private.services import canonicalize_bootstrap_address_or_die  # noqa: PLC0415

    return str(canonicalize_bootstrap_address_or_die("auto"))


def _check(address: str) -> None:
    """See whether anybody listens there: Ray itself would go on trying."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()) or "/" in host:
        raise ClusterError(
            f"Ray のアドレスを読めません: {address}。head のホスト:ポート"
            "(例 192.168.1.10:6379)か auto を指定してください。"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"Ray のクラスターにつながりません: {address}({error})。{_START}"
        ) from error


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Keep off the terminal what Ray's C++ half writes there as it starts."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _WithoutRay(io.TextIOBase):
    """A standard output without what Ray's own threads print there, of nodes that are lost.

    It is in Ray's log files; nothing turns it off.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def buffer(self) -> BinaryIO:  # what writes bytes takes this one
        return self._stream.buffer

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


@contextlib.contextmanager
def _threads_ended() -> Iterator[None]:
    """Wait at the end for the threads that a dataset has started.

    ``iter_rows``, left early, does not: and when a thread asks Ray for something after it has been
    shut down, Ray ends the whole process without a word.
    """
    before = set(threading.enumerate())
    try:
        yield
    finally:
        end = time.monotonic() + _LAST_BLOCK
        for thread in set(threading.enumerate()) - before:
            if thread.name != _PARKED:
                thread.join(max(0.0, end - time.monotonic()))


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a logger off the terminal; Ray writes its files all the same."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

"""Files of formats that libraries read, read in a process of its own, with limits of its own.

PDF, HTML and Office files are read by large libraries, most of them in C. Whatever a file makes of
them, whether they crash, fill the memory or never come back, befalls that process alone: the file
is refused and the next one read. The process is started by the first such file, reads one after the
other, and ends when it has had nothing to do for a while or when its parent is gone.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from dxqa.errors import CorpusError
from dxqa.readers import formats
from dxqa.readers.reading import Extract, Loss, Reading

LONGEST_S = 60.0
"""Seconds for one file, and as many again for every 20 MB of it."""
MOST_BYTES = 3 * 2**30
"""Of memory for one file, programs and all."""

_BYTES_A_TURN = 20 * 2**20
_IDLE_S = 20.0
_CODE = "from dxqa.readers.apart import serve; serve()"


def read(path: Path) -> Reading:
    """Read a file as ``formats.read`` does, in the other process.

    Raises:
        CorpusError: as there; or reading took too long, too much memory, or crashed.
    """
    told = _OTHER.ask(path)
    if "error" in told:
        raise CorpusError(told["error"])
    return Reading(
        tuple(Extract(**extract) for extract in told["extracts"]),
        tuple(Loss(**loss) for loss in told["losses"]),
    )


def serve() -> None:
    """Be the other process: a path a line comes in, what was read goes out as a line of JSON."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin.buffer:
        path, seconds = json.loads(line)
        _limit(seconds)
        out.write(json.dumps(_told(Path(path))).encode() + b"\n")
        out.flush()


def _told(path: Path) -> dict[str, Any]:
    try:
        return dataclasses.asdict(formats.read(path))
    except CorpusError as error:
        return {"error": str(error)}


def _limit(seconds: float) -> None:
    """Limit this process itself, so that it ends even where its parent is gone."""
    with contextlib.suppress(ImportError, ValueError):  # not on Windows; a lower limit stays
        import resource  # noqa: PLC0415

        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


class _Other:
    """The process, where there is one; one file at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest: threading.Timer | None = None

    def ask(self, path: Path) -> dict[str, Any]:
        with self._lock:
            if self._rest is not None:
                self._rest.cancel()
            try:
                told = self._answer(path, _patience(path))
            except BaseException:
                self._end()
                raise
            self._rest = _after(_IDLE_S, self._retire)
            return told

    def _answer(self, path: Path, patience: float) -> dict[str, Any]:
        """Return what it says of a file within so many seconds, or what became of it."""
        used = self._process is not None
        deadline = time.monotonic() + patience
        line = self._line(path, patience)
        if not line and used and time.monotonic() < deadline:
            line = self._line(path, patience)  # an earlier file may have been too much for it
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        if time.monotonic() >= deadline:
            return {"error": f"読むのに時間がかかりすぎます ({patience:.0f} 秒まで)"}
        return {"error": "読み取りの部品が途中で止まりました。作り直すか、分けて保存してください"}

    def _line(self, path: Path, patience: float) -> bytes:
        """Return its line on a file; nothing where it has ended, or is ended for taking longer."""
        process = self._started()
        guard = _after(patience, process.kill)
        try:
            line = _asked(process, path, patience)
        finally:
            guard.cancel()
        if not line:
            self._end()
        return line

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(  # noqa: S603 - a program of our own
                [sys.executable, "-P", "-c", _CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the parent to deal with
            )
        return self._process

    def _retire(self) -> None:
        """End it for want of work, unless a file has come meanwhile."""
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def _asked(process: subprocess.Popen[bytes], path: Path, patience: float) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    with contextlib.suppress(OSError):
        asked = json.dumps([os.fspath(path.absolute()), patience])
        process.stdin.write(asked.encode() + b"\n")
        process.stdin.flush()
        return process.stdout.readline()
    return b""


def _patience(path: Path) -> float:
    size = path.stat().st_size
    return LONGEST_S * (1 + size // _BYTES_A_TURN)


def _after(seconds: float, do: Any) -> threading.Timer:  # noqa: ANN401
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    return timer


def _environment() -> dict[str, str]:
    """The same modules as here, whatever the folder; and no threads that it has no use for."""
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **alone, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


_OTHER = _Other()

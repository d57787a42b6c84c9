"""A real Ray cluster: nodes as processes, alone with a loopback interface where that can be had."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
HEAD, SECOND = "127.0.0.2", "127.0.0.3"
_MEMORY = 150_000_000
_ALONE = "ip link set lo up && exec sleep infinity"


class Nodes:
    """Two nodes of one processor each, and commands beside them; all are ended at the end.

    Ray listens on all interfaces, whatever address it is given. So the nodes get a network
    namespace of their own, for which one has to be root; for others, the token keeps strangers out.
    """

    def __init__(self, folder: Path) -> None:
        """Take a folder, with a short path, for what Ray writes."""
        self._folder = folder
        self._token = secrets.token_hex(32)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._enter: list[str] = []
        with socket.socket() as free:
            free.bind((HEAD, 0))
            _, port = free.getsockname()
            self.address = f"{HEAD}:{port}"

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            holder = self._spawn(["unshare", "-n", "sh", "-c", _ALONE])
            time.sleep(1)
            if holder.poll() is None:
                self._enter = ["nsenter", "-n", "-t", str(holder.pid)]
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(60)
        for _attempt in range(20):  # what a node that was killed has left ends by itself
            if not self.survivors():
                return
            time.sleep(1)
        left = self.survivors()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"processes of Ray have survived: {left}")

    def start(self, ip: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a node; the first is the head."""
        port = self.address.rpartition(":")[2]
        place = ["--address", self.address]
        if ip == HEAD:
            place = ["--head", "--port", port, "--include-dashboard", "false"]
            place += ["--temp-dir", str(self._folder)]
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *place]
        ray += ["--node-ip-address", ip, "--num-cpus", "1", "--disable-usage-stats"]
        ray += ["--object-store-memory", str(_MEMORY)]
        node = self._spawn([*self._enter, *ray], env)
        wanted = len(self._processes) - bool(self._enter)
        code = f"import ray; ray.init({self.address!r}); print(len(ray.nodes()))"
        for _ in range(20):
            seen = self.run([sys.executable, "-c", code])
            if seen.stdout.strip() == str(wanted):
                return node
            time.sleep(1)
        raise AssertionError(f"the node {ip} does not start: {seen.stderr}")

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command beside the nodes."""
        return subprocess.run(
            [*self._enter, *command],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    @property
    def running(self) -> list[int]:
        """The processes that hold the nodes, in the order they were started."""
        return [process.pid for process in self._processes[bool(self._enter) :]]

    def survivors(self) -> list[int]:
        """Return the processes that carry this cluster's token, which Ray hands on to its own."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                carries = self._token.encode() in path.read_bytes()
            except OSError:
                continue
            if carries:
                found.append(int(path.parent.name))
        return found

    def _spawn(
        self, command: Sequence[str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            env=self._environment() | dict(env or {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self._token,
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": f"{ROOT / 'src'}",
            "OMP_NUM_THREADS": "1",
        }


def children(pid: int, name: str) -> list[int]:
    """Return the processes below ``pid`` whose command line has ``name`` in it."""
    found: list[int] = []
    tasks = Path(f"/proc/{pid}/task")
    for path in tasks.glob("*/children"):
        for child in map(int, path.read_text().split()):
            told = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
            found += [child] if name in told else []
            found += children(child, name)
    return found

"""Records every address that a process and its children ask the kernel to reach.

strace sees system calls, so that C, Rust and Go are seen as Python is, and a look-up of a name as
the packet to the name server that it is. What it does not see: packets sent through io_uring (whose
set-up is recorded, and counts as leaving) or a raw socket (which needs root and CAP_NET_RAW).
"""

import ipaddress
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CALLS = "connect,sendto,sendmsg,sendmmsg,io_uring_setup"
_LINE = re.compile(r"^(?P<pid>\d+)<(?P<command>[^>]*)> +(?P<call>\w+)\(")
_ADDRESS = re.compile(
    r"sa_family=AF_INET6?, sin6?_port=htons\((?P<port>\d+)\)"
    r'.*?(?:inet_addr\(|inet_pton\(AF_INET6, )"(?P<host>[^"]+)"'
)
_PATH = re.compile(r'sa_family=AF_UNIX, sun_path=@?"(?P<path>[^"]*)"')
_NAME_SERVER = 53
_PATIENCE_S = 20


@dataclass(frozen=True, order=True)
class Attempt:
    """One address that one kind of process asked for; ``host`` is a path of a local socket too."""

    command: str
    host: str
    port: int = 0

    @property
    def leaves(self) -> bool:
        """Whether it goes to another host, or asks for a name, wherever the name server is."""
        if self.host.startswith("/") or not self.host:
            return False
        if self.port == _NAME_SERVER or self.host == "io_uring":
            return True
        address = ipaddress.ip_address(self.host)
        mapped = getattr(address, "ipv4_mapped", None)
        return not (mapped or address).is_loopback


def recording(log: Path, *command: str) -> list[str]:
    """Return the command line that runs a command and records it; its process is the command's."""
    strace = ["strace", "-D", "-f", "-Y", "--seccomp-bpf", "-qq", "-s", "0", "-e", "signal=none"]
    return [*strace, "-e", f"trace={_CALLS}", "-o", str(log), *command]


def attempts(log: Path) -> list[Attempt]:
    """Return what was recorded, once the recorder has ended."""
    _wait(log)
    found: list[Attempt] = []
    for line in log.read_text("utf-8", "replace").splitlines():
        found += _of(line)
    return found


def leaving(found: Sequence[Attempt]) -> list[Attempt]:
    """Return those that go elsewhere, each once."""
    return sorted({attempt for attempt in found if attempt.leaves})


def _of(line: str) -> list[Attempt]:
    head = _LINE.match(line)
    if head is None:
        return []
    command = head["command"]
    if head["call"] == "io_uring_setup":
        return [Attempt(command, "io_uring")]
    paths = [Attempt(command, "/" + path.lstrip("/")) for path in _PATH.findall(line)]
    return paths + [Attempt(command, at["host"], int(at["port"])) for at in _ADDRESS.finditer(line)]


def _wait(log: Path) -> None:
    """The recorder outlives what it records by the time that its last lines take."""
    deadline = time.monotonic() + _PATIENCE_S
    while _is_open(log):
        assert time.monotonic() < deadline, f"somebody still writes to {log}"
        time.sleep(0.05)


def _is_open(log: Path) -> bool:
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(link.readlink() == log for link in folder.iterdir()):
                return True
        except OSError:
            continue
    return False

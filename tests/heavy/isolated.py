"""Run a command in a network of its own, reachable through one loopback port and no other way.

    python isolated.py LISTENING_FD PORT COMMAND...

For servers that listen on all interfaces and cannot be told not to: here there is no interface but
``lo``. Connections to the inherited socket, which listens on the outer loopback, are passed on to
PORT inside. Needs Linux, and root or user namespaces.
"""

import contextlib
import ctypes
import fcntl
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_ON_DEATH_OF_PARENT = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def enter() -> None:
    """Move this process into a new network namespace and bring its loopback up."""
    kinds = _NEW_NETWORK if os.geteuid() == 0 else _NEW_NETWORK | _NEW_USER
    if _LIBC.unshare(kinds):
        raise OSError(ctypes.get_errno(), "no network namespace: root or user namespaces needed")
    with socket.socket() as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, asked))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def relay(outer: socket.socket, port: int) -> None:
    """Pass bytes on, both ways, between a connection and the port inside until one side ends."""
    with outer, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as near:
        for end in (outer, near):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector = selectors.DefaultSelector()
        selector.register(outer, selectors.EVENT_READ, near)
        selector.register(near, selectors.EVENT_READ, outer)
        while True:
            for key, _ in selector.select():
                received = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
                if not received:
                    return
                key.data.sendall(received)


def accept(listener: socket.socket, port: int) -> None:
    """Serve connections for ever, each in a thread."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=relay, args=(connection, port), daemon=True).start()


def main() -> int:
    """Run the command to its end; return its exit code."""
    descriptor, port, *command = sys.argv[1:]
    signal.signal(signal.SIGUSR1, lambda *_: os.killpg(0, signal.SIGKILL))
    _LIBC.prctl(_ON_DEATH_OF_PARENT, signal.SIGUSR1)
    listener = socket.socket(fileno=int(descriptor))
    enter()
    with subprocess.Popen(command) as server:
        threading.Thread(target=accept, args=(listener, int(port)), daemon=True).start()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())

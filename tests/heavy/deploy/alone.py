"""Runs a command where no other machine can be reached: in a network of loopback alone.

``python alone.py [--user ID] [--writable FOLDER]... COMMAND...``; the process becomes the command.
With ``--writable``, all else on the disk is read-only to it, as under systemd's
ProtectSystem=strict. Needs root.
"""

import argparse
import ctypes
import fcntl
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS of linux/sockios.h
_UP = 0x1  # IFF_UP
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", type=int)
    parser.add_argument("--writable", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    _leave_network()
    _unshare(_NEW_MOUNTS)
    _mount("--make-rprivate", "/")
    if options.user is not None:
        _show_python()
    if options.writable:
        _protect_disk(options.writable)
    if options.user is not None:
        os.setgroups([])
        os.setgid(options.user)
        os.setuid(options.user)
        _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    os.execvp(options.command[0], options.command)  # noqa: S606


def _leave_network() -> None:
    _unshare(_NEW_NETWORK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


def _protect_disk(writable: list[str]) -> None:
    for folder in writable:
        _mount("--bind", folder, folder)
    _mount("-o", "remount,bind,ro", "/")


def _show_python() -> None:
    """Where Python lies in a home that is closed to others, leave of that home only Python."""
    base = Path(sys.base_prefix).resolve()
    closed = [folder for folder in base.parents if not folder.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as aside:
        _mount("--bind", str(base), aside)
        _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(closed[-1]))
        base.mkdir(parents=True)
        _mount("--move", aside, str(base))


def _unshare(flags: int) -> None:
    if _LIBC.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", "--no-mtab", *arguments], check=True)


if __name__ == "__main__":
    main()

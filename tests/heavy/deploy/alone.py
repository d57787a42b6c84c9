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
import struct
import subprocess

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
    _unshare(_NEW_MOUNTS)
    _mount("--make-rprivate", "/")
    for folder in writable:
        _mount("--bind", folder, folder)
    _mount("-o", "remount,bind,ro", "/")


def _unshare(flags: int) -> None:
    if _LIBC.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main()

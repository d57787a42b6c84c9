"""Passwords: kept as scrypt hashes (RFC 7914), compared in constant time."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from dxqa.errors import DxqaError

_COST = (2**14, 8, 5)
"""n, r and p as OWASP recommends them for 16 MiB; about a fifth of a second."""
_SALT_BYTES = 16
_HASH_COMMAND = "`dxqa serve --hash-password`"


class PasswordError(DxqaError):
    """A file of passwords cannot be read, or holds something else than hashes."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The hash of one password, with all that is needed to make it again."""

    cost: tuple[int, int, int]
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> "PasswordHash":
        """Hash a password with a salt of its own."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(_COST, salt, _scrypt(password, salt, _COST))

    @classmethod
    def parse(cls, text: str) -> "PasswordHash":
        """Read what ``str`` wrote.

        Raises:
            ValueError: it is something else.
        """
        name, *numbers, salt, digest = text.strip().split("$")
        n, r, p = map(int, numbers)
        if name != "scrypt":
            raise ValueError(name)
        found = cls((n, r, p), _decoded(salt), _decoded(digest))
        found.matches("")  # numbers that scrypt refuses are told now, not at the first login
        return found

    def __str__(self) -> str:
        cost = "$".join(map(str, self.cost))
        return f"scrypt${cost}${_encoded(self.salt)}${_encoded(self.digest)}"

    def matches(self, password: str) -> bool:
        """Whether it is the hash of ``password``."""
        return hmac.compare_digest(_scrypt(password, self.salt, self.cost), self.digest)


class Users:
    """Who may open the page."""

    def __init__(self, hashes: dict[str, PasswordHash]) -> None:
        """Keep the hashes by name."""
        self._hashes = hashes
        self._nobody = PasswordHash.of(secrets.token_hex())

    def may_enter(self, name: str, password: str) -> bool:
        """Whether the password is that of the name; as slow for a name that is not there."""
        known = name in self._hashes
        return self._hashes.get(name, self._nobody).matches(password) and known


def read_users(path: Path) -> Users:
    """Read lines ``name:hash``; blank lines and those after ``#`` are left out.

    Raises:
        PasswordError: the file is missing or empty, or a line is of another form.
    """
    hashes: dict[str, PasswordHash] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, text = line.partition(":")
        try:
            hashes[_new_name(name, hashes)] = PasswordHash.parse(text)
        except ValueError as error:
            raise PasswordError(
                f"{path} の {number} 行目が「名前:ハッシュ」の形でないか、名前が重なっています。"
                f"ハッシュは {_HASH_COMMAND} で作れます。"
            ) from error
    if not hashes:
        raise PasswordError(
            f"利用者が一人も書かれていません: {path}。「名前:ハッシュ」を 1 行に一人ずつ書いて"
            f"ください。ハッシュは {_HASH_COMMAND} で作れます。"
        )
    return Users(hashes)


def read_password(path: Path) -> PasswordHash:
    """Read a file that holds one hash and nothing else.

    Raises:
        PasswordError: the file is missing, or holds something else.
    """
    try:
        return PasswordHash.parse("\n".join(_lines(path)))
    except ValueError as error:
        raise PasswordError(
            f"{path} の中身がパスワードのハッシュではありません。{_HASH_COMMAND} の出力を"
            "そのまま 1 行だけ保存してください (パスワードそのものは書きません)。"
        ) from error


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordError(
            f"パスワードのファイルを読めません: {path}。場所と文字コード (UTF-8) を"
            "確かめてください。"
        ) from error


def _new_name(name: str, known: dict[str, PasswordHash]) -> str:
    if not name.strip() or name.strip() in known:
        raise ValueError(name)
    return name.strip()


def _scrypt(password: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    plain = password.encode("utf-8", "backslashreplace")
    return hashlib.scrypt(plain, salt=salt, n=n, r=r, p=p)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error

"""Files of people who set dxqa up: passwords, and questions to be judged by."""

import json
import tempfile
from functools import cache
from pathlib import Path

from dxqa.exchange import read_questions
from dxqa.web.passwords import PasswordHash, read_password, read_users
from tests.fuzz.target import Target

_CHEAP = "scrypt$2$1$1$c2FsdHNhbHQ=$ZGlnZXN0"


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="dxqa-fuzz-")) / "file"


def check_users(data: bytes) -> None:
    _file().write_bytes(data)
    users = read_users(_file())
    assert not users.may_enter("", "")


def check_password(data: bytes) -> None:
    _file().write_bytes(data)
    told = read_password(_file())
    assert PasswordHash.parse(str(told)) == told


def check_questions(data: bytes) -> None:
    _file().write_bytes(data)
    for row in read_questions(str(_file())):
        assert isinstance(row["question"], str)


TARGETS = (
    Target("users", check_users, lambda: [f"# who\nanna:{_CHEAP}\n".encode()], 512),
    Target("password", check_password, lambda: [f"{_CHEAP}\n".encode()], 256),
    Target(
        "questions",
        check_questions,
        lambda: [
            (
                json.dumps({"id": 1, "question": "一\u2028二", "must": []}, ensure_ascii=False)
                + "\n"
            ).encode()
        ],
    ),
)

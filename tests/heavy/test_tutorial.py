"""The READMEs and the tutorials, followed to the letter from a fresh copy and a fresh environment.

``README.ja.md`` and ``tutorial.ja.md`` have the same commands as the English pages, see
``tests/test_docs.py``: what is run here is run for both.
"""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.documented import Reader, Step, installs, steps

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """What a clone would hold, with changes that are not committed yet."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, done.stdout.decode().split("\0")):
        if (ROOT / name).exists():  # not deleted since
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    yield tmp_path
    shutil.rmtree(tmp_path / ".venv", ignore_errors=True)  # two gigabytes


def test_the_tutorial(copy: Path) -> None:
    Reader(copy).follow(steps(ROOT / "docs/tutorial.md"))


def test_the_readme(copy: Path) -> None:
    """`make run` first, in a fresh environment; then what the README names without showing it."""
    page = ROOT / "README.md"
    reader, readme = Reader(copy), steps(page)
    reader.follow([Step("command", "make run")])
    for command in installs(page):
        reader.run(command)
    for name in ("users.txt", "admin.txt"):
        made = reader.run("dxqa serve --hash-password").strip()
        (copy / name).write_text(f"hanako:{made}\n" if name == "users.txt" else made, "utf-8")
    with (ROOT / "tests/quality/questions.jsonl").open(encoding="utf-8") as questions:
        (copy / "questions.jsonl").write_text("".join(islice(questions, 3)), "utf-8")
    shutil.copytree(copy / "index", copy / "other-index")
    reader.follow(readme)

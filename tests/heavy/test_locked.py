"""deploy/requirements.lock installs with every hash checked, and what it installs answers."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.supply import LOCK, UNLOCKED, locked

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200)]

QUIET = ["--quiet", "--disable-pip-version-check", "--no-input"]
HASHED = ["install", *QUIET, "--no-deps", "--require-hashes"]


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command; ``check`` fails the test with what was said."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with dxqa and what the lock names, and so without torch."""
    venv = tmp_path_factory.mktemp("locked") / "venv"
    run(sys.executable, "-m", "venv", venv)
    python = venv / "bin/python"
    run(python, "-m", "pip", *HASHED, "-r", LOCK)
    source = venv.with_name("source")
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    run(python, "-m", "pip", "install", *QUIET, "--no-deps", source)
    return python


def test_the_lock_is_installed_and_whole(python: Path) -> None:
    told = json.loads(run(python, "-m", "pip", "list", "--format=json").stdout)
    found = {package["name"].lower().replace("_", "-"): package["version"] for package in told}
    assert {name: found.get(name) for name in locked()} == locked()
    missing = run(python, "-m", "pip", "check", check=False).stdout.splitlines()
    assert missing
    assert all(f"requires {UNLOCKED}, which is not installed" in line for line in missing)


def test_what_is_installed_answers(python: Path, tmp_path: Path) -> None:
    """Few documents are embedded without torch."""
    case = ROOT / "corpus/cases"
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    shutil.copy(next(case.glob("*miyakonojo*")), corpus)
    dxqa = python.with_name("dxqa")
    run(dxqa, "build", "--corpus", corpus, "--index", index)
    assert (
        "都城市"
        in run(dxqa, "ask", "市長が最高デジタル責任者を務めている市は？", "--index", index).stdout
    )


def test_another_file_than_the_locked_one_is_refused(python: Path, tmp_path: Path) -> None:
    block = re.search(r"^jaconv==.*?(?=^[a-z])", LOCK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block
    altered = tmp_path / "requirements.txt"
    altered.write_text(re.sub("sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, block[0]), "utf-8")
    again = ["--force-reinstall", "-r", str(altered)]
    done = run(python, "-m", "pip", *HASHED, *again, check=False)
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_a_package_without_a_hash_is_refused(python: Path, tmp_path: Path) -> None:
    bare = tmp_path / "requirements.txt"
    bare.write_text("jaconv==0.5.0\n", "utf-8")
    done = run(python, "-m", "pip", *HASHED, "--force-reinstall", "-r", bare, check=False)
    assert done.returncode == 1
    assert "Hashes are required in --require-hashes mode" in done.stderr

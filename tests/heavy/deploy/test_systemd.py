"""The unit: what systemd says of it, and its commands under the main ones of its restrictions."""

import configparser
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.heavy.deploy.machine import DEPLOY, Alone, ask, assert_answered, environment, needs

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

UNIT = DEPLOY / "dxqa.service"
FOREIGN = 10002
MOST_EXPOSURE = 15  # tenths, of 100; systemd calls 1.5 OK, and a unit without any option 9.6


@pytest.fixture(scope="module")
def unit(place: Path, installed: Path) -> Path:
    """The unit, with the path of what was installed here."""
    found = place / "dxqa.service"
    found.write_text(UNIT.read_text("utf-8").replace("/opt/dxqa", str(installed)), "utf-8")
    return found


def _systemd_analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    needs(shutil.which("systemd-analyze"), "systemd (apt-get install systemd)")
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    done = _systemd_analyze("verify", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_barely_exposed(unit: Path) -> None:
    done = _systemd_analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout[-2000:]
    exposure = re.search(r"Overall exposure level for dxqa.service: ([\d.]+)", done.stdout)
    assert exposure
    assert float(exposure[1]) * 10 <= MOST_EXPOSURE


def test_it_runs_read_only_and_as_somebody_else(unit: Path, installed: Path, place: Path) -> None:
    """Not systemd itself, which does not run in tests: a foreign user on a read-only disk."""
    service = configparser.RawConfigParser(strict=False)
    service.optionxform = str  # type: ignore[assignment,method-assign]
    service.read(unit)
    state, cache = place / "state", place / "state-cache"
    for name in ("corpus", "index"):
        shutil.copytree(installed / name, state / name)
    shutil.copytree(place / "cache", cache)
    _give(state, cache)
    there = {"/var/lib/dxqa": str(state), "/var/cache/dxqa": str(cache)}
    told = service["Service"]["Environment"].split()
    variables = environment(**dict(_mapped(word, there).split("=", 1) for word in told))
    alone = Alone(state, {**variables, "TMPDIR": str(state)}, FOREIGN, [state, cache])
    with pytest.raises(AssertionError, match="Read-only file system"):
        alone.run("touch", str(installed / "mine"))
    built = alone.run(*service["Service"]["ExecStartPre"].lstrip("-").split())
    assert "変更はありませんでした" in built.stdout
    with alone.serving(*service["Service"]["ExecStart"].split()) as server:
        assert_answered(ask(server))
    events = [json.loads(line) for line in (state / "server.log").read_text("utf-8").splitlines()]
    assert {"ask", "notice"} <= {event["event"] for event in events}


def _mapped(word: str, there: dict[str, str]) -> str:
    for path, stand_in in there.items():
        word = word.replace(path, stand_in)
    return word


def _give(*folders: Path) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, FOREIGN, FOREIGN)

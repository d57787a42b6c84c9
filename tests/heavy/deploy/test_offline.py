"""A machine without internet: dxqa is installed from the bundle, builds, answers and serves."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.heavy.deploy.machine import (
    DEPLOY,
    QUESTION,
    Alone,
    ask,
    assert_answered,
    environment,
)

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]


@pytest.fixture
def office(installed: Path) -> Alone:
    variables = environment(
        PATH=f"{installed / 'venv/bin'}:{environment()['PATH']}",
        DXQA_CACHE_DIR=str(installed.parent / "cache"),
    )
    return Alone(installed, variables)


def test_alone_reaches_nobody(place: Path) -> None:
    script = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert Alone(place).run(sys.executable, "-c", script).stdout == "['lo']\n"


def test_it_is_installed_for_good_and_not_from_here(office: Alone) -> None:
    script = "import dxqa, dxqa.readers.pdf; print(dxqa.__file__)"
    found = office.run("python", "-c", script).stdout.strip()
    assert Path(found).is_relative_to(office.folder / "venv")


def test_the_wheel_holds_all_that_stands_beside_the_code(bundle: Path) -> None:
    wheel = next((bundle / "wheels").glob("dxqa-*.whl"))
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("dxqa/")}
    tracked = subprocess.run(
        ["git", "ls-files", "src/dxqa"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    wanted = {name.removeprefix("src/") for name in tracked if (ROOT / name).is_file()}
    assert held >= wanted
    assert len([name for name in held if name.startswith("dxqa/data/corpus/")]) == 16


def test_a_question_is_answered_without_a_network(office: Alone) -> None:
    told = office.run("dxqa", "ask", QUESTION).stdout
    assert "都城市" in told


def test_it_serves_without_a_network(office: Alone) -> None:
    with office.serving("dxqa", "serve") as server:
        assert_answered(ask(server))


def test_without_documents_the_digest_is_taken(office: Alone, tmp_path: Path) -> None:
    elsewhere = Alone(tmp_path, office.variables)
    index = office.folder / "index"
    shutil.copytree(index, tmp_path / "index")  # the same documents: nothing is embedded again
    told = elsewhere.run("dxqa", "build")
    assert "同梱の事例集を写しました" in told.stderr
    assert "変更はありませんでした" in told.stdout
    assert len(list((tmp_path / "corpus").glob("*/*.md"))) == 16


def test_installing_again_keeps_documents(office: Alone, bundle: Path, tmp_path: Path) -> None:
    """What is there is asked first, so that a broken bundle leaves everything as it was."""
    broken = tmp_path / "bundle"
    shutil.copytree(bundle, broken, copy_function=_link)
    notes = broken / "offline.md"
    notes.unlink()
    notes.write_text("changed on the way", "utf-8")
    done = _install(broken, office)
    assert done.returncode == 1
    assert "offline.md" in done.stdout
    assert "もう一度、全部を写してください" in done.stderr
    assert (office.folder / "venv/bin/dxqa").exists()


def test_another_python_is_told(office: Alone, bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "bundle"
    shutil.copytree(bundle, other, copy_function=_link)
    version, sums = other / "python-version", other / "SHA256SUMS"
    for path in (version, sums):
        path.unlink()
    version.write_text("3.99\n", "utf-8")
    sums.write_text(subprocess.run(
        ["sha256sum", "python-version"], cwd=other, capture_output=True, text=True, check=True
    ).stdout)  # fmt: skip
    done = _install(other, office)
    assert done.returncode == 1
    assert "Python 3.99 が要ります" in done.stderr


def test_a_script_of_the_shell_is_one(bundle: Path) -> None:
    for name in ("install.sh", "offline_bundle.sh"):
        subprocess.run(["sh", "-n", DEPLOY / name], check=True)
    assert (bundle / "install.sh").read_bytes() == (DEPLOY / "install.sh").read_bytes()


def _install(bundle: Path, office: Alone) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", bundle / "install.sh", office.folder],
        env={**office.variables, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)

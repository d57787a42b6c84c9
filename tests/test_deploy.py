"""What can be said of deploy/ without doing it; tests/heavy/deploy does it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dxqa.cli import build_parser
from dxqa.cli.bundled_corpus import ensure_corpus
from dxqa.errors import CorpusError
from dxqa.web.server import GRACE_S, HANGING_UP_S
from dxqa.web.uploads import LARGEST_BYTES

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
BUNDLED = [path.relative_to(ROOT / "corpus") for path in (ROOT / "corpus").glob("c*/*.md")]


def _deploy(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_only_the_bundle_goes_into_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["*", "!dist/dxqa-offline"]
    sources = re.findall(r"(?:source=|^COPY )([^\s,]+)", _deploy("Dockerfile"), re.MULTILINE)
    assert len(sources) == 2
    assert all(source.startswith("dist/dxqa-offline/") for source in sources)


def test_nginx_lets_ten_of_the_largest_uploads_through() -> None:
    *_, megabytes = map(int, re.findall(r"client_max_body_size (\d+)m;", _deploy("nginx.conf")))
    ten = 10 * LARGEST_BYTES
    assert ten < megabytes * 2**20 < ten + LARGEST_BYTES
    assert f"({LARGEST_BYTES // 2**20} MB each)" in _deploy("nginx.conf")


def test_systemd_waits_until_what_was_asked_is_answered() -> None:
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)s$", _deploy("dxqa.service"), re.MULTILINE)
    [containers] = re.findall(r"--stop-timeout (\d+)", (ROOT / "docs/deploy.md").read_text("utf-8"))
    assert seconds == containers
    assert int(seconds) >= GRACE_S + 2 * HANGING_UP_S


@pytest.mark.parametrize("name", ["dxqa.service", "nginx.conf", "Dockerfile"])
def test_commands_in_the_examples_exist(name: str) -> None:
    text = _deploy(name).replace('", "', " ").replace('"]', " ")
    commands = re.findall(r"\bdxqa ((?:build|serve)(?: --?[\w-]+(?: [\w./]+)?)*)", text)
    assert commands
    for command in commands:
        build_parser().parse_args(command.split())


def test_where_there_are_no_documents_the_digest_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ensure_corpus("corpus")
    assert "同梱の事例集を写しました" in capsys.readouterr().err
    found = [path.relative_to("corpus") for path in Path("corpus").rglob("*") if path.is_file()]
    assert sorted(found) == sorted(BUNDLED)
    assert len(found) == 16


def test_documents_that_are_there_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ensure_corpus("elsewhere")  # named, and so not ours to make
    (tmp_path / "corpus").mkdir()
    ensure_corpus("corpus")
    assert list(tmp_path.rglob("*")) == [tmp_path / "corpus"]


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dxqa").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").symlink_to(tmp_path / "dxqa" / "corpus")
    with pytest.raises(CorpusError, match="--corpus に文書のフォルダを指定"):
        ensure_corpus("corpus")

"""Ctrl-C and progress of ``dxqa build``, as a terminal and as a log see them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dxqa.cli.progress import ProgressBar


def _write_corpus(folder: Path) -> None:
    folder.mkdir()
    for number in range(40):
        lines = [f"第{number}号の{line}件目の取り組みを進めている。" for line in range(100)]
        (folder / f"{number}.md").write_text("# 題\n\n" + "\n\n".join(lines), "utf-8")


@pytest.mark.parametrize("moment", ["while importing", "while embedding"])
def test_ctrl_c_says_what_is_kept(tmp_path: Path, moment: str) -> None:
    _write_corpus(tmp_path / "c")
    arguments = ["build", "--corpus", str(tmp_path / "c"), "--index", str(tmp_path / "i")]
    # Each line of the log at once: when the first comes, texts are being embedded.
    code = f"""
from dxqa.cli import main, progress
progress.PAUSE = 0
print("started", flush=True)
main({arguments!r})
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        if moment == "while embedding":
            assert "埋め込み" in process.stderr.readline()
        else:
            time.sleep(2)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "中断しました" in rest
    assert "もう一度 dxqa build" in rest
    assert "Traceback" not in rest


def test_a_log_is_told_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with ProgressBar() as bar:
        for done in range(0, 1001, 10):
            bar(done, 1000)
            now += 1.0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3  # a hundred seconds
    assert lines[0] == "埋め込み: 1000 文のうち 300 文 (毎秒 10 文、残り約 70 秒)"


def test_a_short_build_tells_a_log_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as bar:
        bar(5, 10)
        bar(10, 10)
    assert capsys.readouterr().err == ""

"""Models of the user's own in processes of their own, and with OpenVINO."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models import PROMPTS, save_cross_encoder, save_static, save_transformer

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]
TEXT = "# 事例\n\n町は書かない窓口を始めた。待ち時間が減った。\n\n市は税務の作業を見直した。\n"


def dxqa(*arguments: str, python: Path | str = sys.executable, cwd: Path) -> str:
    """Run the command line in a process of its own; return what it prints."""
    done = subprocess.run(
        [str(python), "-m", "dxqa.cli", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.md").write_text(TEXT, "utf-8")
    return folder


def test_each_command_in_a_fresh_process(corpus: Path, tmp_path: Path) -> None:
    save_static(tmp_path / "static", prompts=PROMPTS)
    save_cross_encoder(tmp_path / "reranker")
    # A relative folder, asked for from elsewhere afterwards.
    build = ["build", "--corpus", "corpus", "--index", "index", "--model", "static"]
    assert "新しく計算" in dxqa(*build, "--truncate-dim", "32", cwd=tmp_path)
    assert "変更はありません" in dxqa(*build[:5], cwd=tmp_path)
    ask = ["ask", "書かない窓口で何が減ったか", "--index", str(tmp_path / "index"), "--json"]
    answer: dict[str, Any] = json.loads(dxqa(*ask, cwd=corpus))
    assert answer["answered"]
    assert "rerank" not in answer["timings_ms"]
    again = json.loads(dxqa(*ask, "--reranker", str(tmp_path / "reranker"), cwd=corpus))
    assert "rerank" in again["timings_ms"]
    assert again["citations"]


@pytest.fixture(scope="module")
def with_openvino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the extra ``openvino`` besides what this one has.

    It needs an older transformers than we test with, and so an environment of its own.
    """
    folder = tmp_path_factory.mktemp("openvino")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    packages = next(folder.glob("lib/python*/site-packages"))
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "ours.pth").write_text("\n".join(ours), "utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["optional-dependencies"]["openvino"]
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    version, _, variant = torch.__version__.partition("+")
    # datasets, where installed, has to fit the older huggingface-hub.
    subprocess.run([*pip, "install", *wanted, "datasets<5", f"torch=={version}"], check=True)
    if variant:  # the torchvision of the registry is for the usual torch
        subprocess.run([*pip, "uninstall", "--yes", "torchvision"], check=True)
    return python


def test_openvino_computes_the_same_and_is_remembered(
    with_openvino: Path, corpus: Path, tmp_path: Path
) -> None:
    model = save_transformer(tmp_path / "model", prompts=PROMPTS)
    index = str(tmp_path / "index")
    build = ["build", "--corpus", str(corpus), "--index", index, "--model", str(model)]
    dxqa(*build, "--backend", "openvino", python=with_openvino, cwd=tmp_path)
    about = json.loads(dxqa("info", "--index", index, "--json", cwd=tmp_path))
    assert about["model_options"] == {"backend": "openvino"}
    search = ["search", "窓口", "--index", index, "--json"]
    hits = json.loads(dxqa(*search, python=with_openvino, cwd=tmp_path))["hits"]
    dxqa(*build[:4], str(tmp_path / "torch"), *build[5:], cwd=tmp_path)
    same = json.loads(dxqa(*search[:3], str(tmp_path / "torch"), "--json", cwd=tmp_path))["hits"]
    assert [hit["passage_id"] for hit in hits] == [hit["passage_id"] for hit in same]
    for ours, theirs in zip(hits, same, strict=True):
        assert ours["score"] == pytest.approx(theirs["score"], abs=0.05)  # torch's may be bfloat16

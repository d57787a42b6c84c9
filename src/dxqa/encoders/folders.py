"""Finds the folder of a sentence-transformers model, and tells one model from another."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from dxqa.errors import ModelError

MODEL = "--model"
RERANKER = "--reranker"
ENCODER_KIND = "SentenceTransformer"
RERANKER_KIND = "CrossEncoder"

_TIMEOUT = 10.0  # seconds; a closed network should be told so quickly
_WEIGHTS = (".safetensors", ".bin")  # in order of preference
_USUAL_OWNER = {MODEL: "sentence-transformers", RERANKER: "cross-encoder"}  # of bare hub names
_EXPORTED = {"onnx": (".onnx", ".onnx_data"), "openvino": (".xml", ".bin")}
"""What each other backend keeps in a folder of its name."""
_IDENTITY = {
    "adapter_config.json",
    "config.json",
    "config_sentence_transformers.json",
    "merges.txt",
    "modules.json",
    "router_config.json",
    "sentence_bert_config.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
}


def resolve_folder(name: str, option: str = MODEL, *, download: bool = True) -> Path:
    """Return the local folder of a model, downloading it only when it is nowhere on disk.

    Args:
        name: a folder, or a name on the Hugging Face hub such as ``cl-nagoya/ruri-v3-30m``.
        option: of the command line, for which it was given.
        download: whether the hub may be asked.

    Raises:
        ModelError: there is no such folder, or the hub may not be asked, does not have it or cannot
            be reached (known after one request, at most about 10 seconds).
    """
    path = Path(name).expanduser()
    if name and path.is_dir():
        return path
    repository = name if "/" in name else f"{_USUAL_OWNER[option]}/{name}"
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ModelError(
            f"モデルのフォルダがありません: {name}。{option} には sentence-transformers 形式の"
            "フォルダか、Hugging Face での名前(例 cl-nagoya/ruri-v3-30m)を指定してください。"
        ) from error
    found = _cached(repository)
    if found is None and not download:
        raise ModelError(
            f"索引のモデル {name} が、この機械にありません。頼まれないかぎり取得しません。"
            f"Hugging Face から取得するには {option} {name} を付けてください。"
            f"つながらない場所では、`dxqa build {option} フォルダ` で索引を作り直してください。"
        )
    return found or _download(repository, option)


def model_kind(folder: Path) -> str:
    """Return SentenceTransformer, CrossEncoder or another of its kinds; empty if nothing tells.

    sentence-transformers loads any model as any kind, with random weights for what it lacks.
    """
    told = _read_json(folder / "config_sentence_transformers.json").get("model_type")
    if told:
        return str(told)
    if (folder / "modules.json").exists():
        return ENCODER_KIND
    architectures = _read_json(folder / "config.json").get("architectures") or ()
    judges = any(str(name).endswith("ForSequenceClassification") for name in architectures)
    return RERANKER_KIND if judges else ""


def _read_json(path: Path) -> dict[str, Any]:
    """Return what a file says; what is unreadable, loading the model will tell."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def folder_fingerprint(
    folder: Path, prompts: tuple[str, str], options: Mapping[str, Any] | None = None
) -> str:
    """Return a hash of what decides the vectors: weights, tokenizer, configuration, prompts.

    Files are hashed and not the loaded tensors, so that it is the same for float32 and bfloat16.
    It costs about 0.6 s per GB of weights.

    Args:
        folder: of the model.
        prompts: what goes before a query and before a passage.
        options: ``truncate_dim`` and ``backend``, where they are not the usual ones. What another
            backend computes may differ (its file may be quantised), so its files count too.
    """
    exported = _exported(folder, options["backend"]) if options and "backend" in options else []
    weights = exported or _weights(folder)
    told = [*prompts, dict(sorted(options.items()))] if options else prompts
    state = hashlib.sha256(json.dumps(told).encode())
    for path in sorted(folder.rglob("*")):
        if path in weights or (path.name in _IDENTITY and _is_ours(path, folder)):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            state.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return state.hexdigest()


def _is_ours(path: Path, folder: Path) -> bool:
    return path.is_file() and not set(path.relative_to(folder).parts) & set(_EXPORTED)


def _exported(folder: Path, backend: str) -> list[Path]:
    """Return what was exported for a backend; nothing where it is exported on loading."""
    suffixes = _EXPORTED[backend]
    return [path for path in (folder / backend).rglob("*") if path.name.endswith(suffixes)]


def _weights(folder: Path) -> list[Path]:
    for suffix in _WEIGHTS:
        found = [path for path in folder.rglob(f"*{suffix}") if _is_ours(path, folder)]
        if found:
            return found
    return []


def _cache_folder() -> str | None:
    """Where sentence-transformers itself would look; None is the hub client's default."""
    return os.environ.get("SENTENCE_TRANSFORMERS_HOME")


def _cached(repository: str) -> Path | None:
    """Return an earlier download that has weights, without using the network."""
    for name in ("modules.json", "config.json"):
        path = huggingface_hub.try_to_load_from_cache(repository, name, cache_dir=_cache_folder())
        if isinstance(path, str) and _weights(Path(path).parent):
            return Path(path).parent
    return None


def _download(repository: str, option: str) -> Path:
    """Download what torch needs of a model.

    One plain request comes first: sentence-transformers would retry each of its files for over a
    minute before it gave up.
    """
    try:
        info = huggingface_hub.HfApi().model_info(repository, timeout=_TIMEOUT)
        names = [file.rfilename for file in info.siblings or ()]
        suffix = next((s for s in _WEIGHTS if any(n.endswith(s) for n in names)), _WEIGHTS[0])
        folder = huggingface_hub.snapshot_download(
            repository,
            cache_dir=_cache_folder(),
            allow_patterns=[f"*{suffix}", "*.json", "*.txt", "*.model"],
            ignore_patterns=[f"*{backend}/*" for backend in _EXPORTED],
            etag_timeout=_TIMEOUT,
        )
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"モデル {repository} は Hugging Face にありません(または非公開です)。"
            f"名前を確かめるか、{option} にモデルのフォルダを指定してください。"
        ) from error
    except Exception as error:
        raise ModelError(
            f"モデル {repository} はこの機械になく、取得もできません"
            f"({type(error).__name__}: {error})。"
            "ネットワークにつながらない場所では、別の場所で取得したモデルのフォルダを "
            f"{option} に指定するか、{option} を省いてください。"
        ) from error
    return Path(folder)

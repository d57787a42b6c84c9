"""What sentence-transformers can compute with besides torch, and whether it is installed."""

import importlib.util

from dxqa.errors import ModelError

TORCH = "torch"
BACKENDS = (TORCH, "onnx", "openvino")

_MODULES = {"onnx": "optimum.onnxruntime", "openvino": "optimum.intel"}
_ADVICE = {
    "onnx": "pip install 'optimum-onnx[onnxruntime]' で入れてください。"
    "ただし optimum-onnx 0.1 までは、dxqa に要る transformers 5 とは一緒に使えません。"
    "対応した版がなければ、--backend openvino か torch にしてください。",
    "openvino": "pip install 'dxqa[openvino]' で入れてください。",
}


def check_backend(backend: str) -> None:
    """Make sure that a backend can be used.

    Raises:
        ModelError: there is none of that name, or its packages are not installed.
    """
    if backend not in BACKENDS:
        raise ModelError(
            f"--backend は {'、'.join(BACKENDS)} のどれかで指定してください: {backend}"
        )
    if backend != TORCH and not _is_installed(_MODULES[backend]):
        raise ModelError(f"--backend {backend} に要るパッケージがありません。{_ADVICE[backend]}")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False

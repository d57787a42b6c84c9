"""dxqa: offline semantic search and cited answers, in Japanese, over local-government DX cases.

>>> from dxqa import Index
>>> index = Index.build("corpus/")
>>> print(index.ask("市長が最高デジタル責任者を務めている市は？").text)
"""

import os
from typing import TYPE_CHECKING, Any

from dxqa.errors import DxqaError

if TYPE_CHECKING:
    from dxqa.index import Index
    from dxqa.types import Answer, Document

__all__ = ["Answer", "Document", "DxqaError", "Index"]

# Read when huggingface_hub is imported, which every library for models does.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Import what is asked for: the command line answers ``--help`` without NumPy and FAISS."""
    if name == "Index":
        from dxqa.index import Index  # noqa: PLC0415

        return Index
    if name in __all__:
        from dxqa import types  # noqa: PLC0415

        return getattr(types, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

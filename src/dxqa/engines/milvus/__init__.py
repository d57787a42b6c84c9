"""The engine on a Milvus server; ``pymilvus`` is imported when it connects."""

from dxqa.engines.milvus.settings import TOKEN_VARIABLE, Milvus

__all__ = ["TOKEN_VARIABLE", "Milvus"]

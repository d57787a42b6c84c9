"""Engines: what finds the candidates of a question, here or on a server (docs/engines.md)."""

from dxqa.engines.engine import About, Contents, Engine, EngineSettings, Sought, Within, Written
from dxqa.engines.faiss import FAISS_FILE, Faiss, FaissEngine
from dxqa.engines.milvus import Milvus

__all__ = [
    "FAISS_FILE",
    "About",
    "Contents",
    "Engine",
    "EngineSettings",
    "Faiss",
    "FaissEngine",
    "Milvus",
    "Sought",
    "Within",
    "Written",
    "settings_of",
]


def settings_of(about: About) -> EngineSettings:
    """Return the settings that an index names in its manifest."""
    return Milvus.named(about) if about.get("name") == Milvus.name else Faiss()

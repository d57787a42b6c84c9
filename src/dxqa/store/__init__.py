"""The document line: what an index holds, how it is built, and how it is kept on disk."""

from dxqa.store.build import BuildReport, build
from dxqa.store.disk import FORMAT_VERSION, load, read_manifest, save
from dxqa.store.store import Manifest, Sentence, Store

__all__ = [
    "FORMAT_VERSION",
    "BuildReport",
    "Manifest",
    "Sentence",
    "Store",
    "build",
    "load",
    "read_manifest",
    "save",
]

"""The document line: what an index holds, how it is built, and how it is kept on disk."""

from dxqa.store.build import BuildReport, Source
from dxqa.store.disk import (
    Target,
    build_index,
    engine_name,
    is_current,
    is_made_of,
    load,
    save,
)
from dxqa.store.generations import (
    FORMAT_VERSION,
    Record,
    build_lock,
    clean,
    forget_journals,
    manifest_stamp,
    read_record,
    unused,
    verify,
)
from dxqa.store.pipeline import file_digests
from dxqa.store.rows import Passages
from dxqa.store.store import Manifest, Sentence, Store

__all__ = [
    "FORMAT_VERSION",
    "BuildReport",
    "Manifest",
    "Passages",
    "Record",
    "Sentence",
    "Source",
    "Store",
    "Target",
    "build_index",
    "build_lock",
    "clean",
    "engine_name",
    "file_digests",
    "forget_journals",
    "is_current",
    "is_made_of",
    "load",
    "manifest_stamp",
    "read_record",
    "save",
    "unused",
    "verify",
]

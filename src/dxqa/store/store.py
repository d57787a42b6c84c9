"""What an index holds, read from the folder of one generation.

    documents.jsonl, texts.jsonl           the documents
    passage_counts.npy                     how many passages each has
    passages.jsonl, metadata*, sentence_*  the passages and where their sentences stand
    passage_vectors.npy, passages.faiss    vectors in half precision, and the search over them
    passage_ids.npy, passage_id_rows.npy   with an engine that knows passages by their ids only
    sentence_vectors.npy                   of each sentence
    passage_keys.npy, sentence_keys.npy    of the texts that the vectors belong to
    lexical/ trigrams/ sentence_lexical/   terms of passages and sentences
    sources.json                           the files that were read, with their sha256

Everything is mapped into memory, so that only what a question needs is read. It is mapped when the
store is opened: a build of another process may remove the folder any time after.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dxqa.arrays import open_array
from dxqa.dense import DenseIndex, HalfVectors
from dxqa.engines import FAISS_FILE, Contents, Engine, EngineSettings, settings_of
from dxqa.errors import EngineError
from dxqa.keys import Keys
from dxqa.lexical import LexicalIndex
from dxqa.store.rows import Documents, Passages
from dxqa.tokenizer import terms
from dxqa.types import Metadata, Rows


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index says of itself.

    Attributes:
        model: what ``--model`` took.
        dimension: length of one vector.
        fingerprint: of the encoder that made the vectors.
        created: UTC, ISO 8601.
        documents: count of documents.
        passages: count of passages.
        sentences: count of sentences.
        skipped: file name to the reason why it is not indexed.
        dense: kind of the index of the vectors.
        pipeline: digest of the code that made passages and terms.
        engine: what finds candidates, and where it is; nothing for FAISS, here.
        model_options: what the model has to be loaded with (``truncate_dim``, ``backend``).
    """

    model: str
    dimension: int
    fingerprint: str
    created: str
    documents: int
    passages: int
    sentences: int
    skipped: Mapping[str, str]
    dense: str
    pipeline: str
    engine: Mapping[str, Any] = field(default_factory=dict)
    model_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage; ``row`` is its place in the sentence vectors."""

    row: int
    passage: int
    start: int
    end: int


@dataclass(frozen=True)
class Store:
    """Passages with the indexes over them; row i of each belongs to ``passages[i]``.

    ``lexical`` is over words, ``trigrams`` over characters. ``sentence_vectors`` and
    ``sentence_lexical`` hold one row a sentence, in the order of the passages.

    Attributes:
        folder: of the generation.
        engine: finds the candidates of a question.
        passage_counts: how many passages each document has, in the order of ``documents``.
        passage_keys: of the texts that the passages' vectors were made of.
        sentence_keys: of the sentences.
        sources: the files that were read: path below the corpus to sha256.
        kept: whatever must live as long as the store: a temporary folder.
    """

    folder: Path
    manifest: Manifest
    documents: Documents
    passages: Passages
    dense: DenseIndex
    engine: Engine
    sentence_vectors: HalfVectors
    lexical: LexicalIndex
    trigrams: LexicalIndex
    sentence_lexical: LexicalIndex
    passage_counts: Rows
    passage_keys: Keys
    sentence_keys: Keys
    sources: Mapping[str, str]
    kept: Any = field(default=None, compare=False)

    @property
    def sentence_offsets(self) -> Rows:
        """Row of the first sentence of each passage, and one past the last: ``(passages + 1,)``."""
        return self.passages.sentence_offsets

    @cached_property
    def metadata(self) -> Sequence[Metadata]:
        """The distinct metadata of the passages."""
        return list(self.passages.metadata)

    @cached_property
    def municipalities(self) -> dict[str, Rows]:
        """Full names of the municipalities that have passages, with the passages' rows."""
        names = [str(metadata.get("municipality") or "") for metadata in self.metadata]
        numbers = {name: at for at, name in enumerate(dict.fromkeys(filter(None, names)))}
        of_metadata = np.array([numbers.get(name, -1) for name in names])
        of_passage = of_metadata[self.passages.metadata_rows]
        order = np.argsort(of_passage, kind="stable")
        ends = np.searchsorted(of_passage[order], np.arange(-1, len(numbers)), side="right")
        rows = {name: order[ends[at] : ends[at + 1]] for name, at in numbers.items()}
        return dict(sorted(rows.items(), key=lambda item: int(item[1][0])))

    def sentence(self, row: int) -> Sentence:
        """Return a sentence by its row."""
        passage = int(np.searchsorted(self.sentence_offsets, row, side="right")) - 1
        start, end = self.passages.sentence_spans[row].tolist()
        return Sentence(int(row), passage, start, end)

    def sentences_of(self, passage: int) -> list[Sentence]:
        """The sentences of a passage, by its row."""
        first = int(self.sentence_offsets[passage])
        spans = self.passages[passage].sentences
        return [Sentence(first + at, int(passage), *span) for at, span in enumerate(spans)]

    def owners(self, sentences: Rows) -> Rows:
        """Return the passage row of each of these sentence rows."""
        found: Rows = np.searchsorted(self.sentence_offsets, sentences, side="right") - 1
        return found

    def sentence_rows(self, passages: Rows) -> tuple[Rows, Rows]:
        """Return the sentence rows of these passages, and where those of each passage begin."""
        spans = self.sentence_offsets
        sizes = spans[passages + 1] - spans[passages]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        return np.repeat(spans[passages] - starts, sizes) + np.arange(int(sizes.sum())), starts

    def sentence_terms(self, row: int) -> list[str]:
        """The lexical terms of a sentence, by its row."""
        return terms(self.text(self.sentence(row)))

    def text(self, sentence: Sentence) -> str:
        """The characters of a sentence."""
        passage = self.passages[sentence.passage]
        return passage.text[sentence.start - passage.start : sentence.end - passage.start]


class _Ids(Sequence[str]):
    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    def __len__(self) -> int:
        return len(self._passages)

    def __getitem__(self, row: int) -> str:  # type: ignore[override]  # no slices needed
        return self._passages[row].passage_id


def contents(folder: Path, fingerprint: str) -> Contents:
    """Map what an engine finds the passages of a generation by."""
    passages = Passages(folder)
    return Contents(
        folder=folder,
        fingerprint=fingerprint,
        ids=_Ids(passages),
        metadata=passages.metadata,
        metadata_rows=passages.metadata_rows,
        text_keys=open_array(folder / "passage_keys.npy"),
        dense=DenseIndex.load(
            HalfVectors.open(folder / "passage_vectors.npy"), folder / FAISS_FILE
        ),
        lexical=LexicalIndex.load(folder / "lexical"),
    )


def open_store(
    folder: Path,
    manifest: Manifest,
    *,
    engine: EngineSettings | None = None,
    kept: Any = None,  # noqa: ANN401
) -> Store:
    """Map the files of one generation into memory.

    Args:
        folder: of the generation.
        manifest: what the index says of itself.
        engine: instead of the one that the manifest names.
        kept: whatever must live as long as the store.
    """
    found = contents(folder, manifest.fingerprint)
    settings = settings_of(manifest.engine)
    if engine is not None and engine.name != settings.name:
        raise EngineError(
            f"この索引の検索エンジンは {settings.name} ですが、{engine.name} が指定されました。"
            "指定を外すか、`dxqa build --engine …` で作り直してください。"
        )
    settings = engine or settings
    return Store(
        folder=folder,
        manifest=manifest,
        documents=Documents(folder),
        passages=Passages(folder),
        dense=found.dense,
        engine=settings.open(found, manifest.engine),
        sentence_vectors=HalfVectors.open(folder / "sentence_vectors.npy"),
        lexical=found.lexical,
        trigrams=LexicalIndex.load(folder / "trigrams"),
        sentence_lexical=LexicalIndex.load(folder / "sentence_lexical"),
        passage_counts=open_array(folder / "passage_counts.npy"),
        passage_keys=open_array(folder / "passage_keys.npy"),
        sentence_keys=open_array(folder / "sentence_keys.npy"),
        sources=json.loads((folder / "sources.json").read_text("utf-8")),
        kept=kept,
    )

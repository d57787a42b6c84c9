"""Documents to the files of a generation: split, embed, analyse. Nothing is done twice."""

import datetime as dt
import json
import os
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dxqa.dense import HalfVectorsWriter
from dxqa.encoders import expecting, options_of
from dxqa.errors import CorpusError, StoreError
from dxqa.keys import KEY_BYTES, Keys, KeyTable, key_of
from dxqa.lexical import LexicalIndex, term_hashes
from dxqa.passages import encoder_text, split_passages
from dxqa.store.pipeline import pipeline_digest
from dxqa.store.rows import Passages, PassageWriter, write_documents
from dxqa.store.store import Manifest, Store
from dxqa.store.vectors import Journal, KnownVectors, journal_path
from dxqa.tokenizer import pairs, terms, trigrams
from dxqa.types import Document, Encoder, Progress, Rows

_BLOCK = 256
"""Texts embedded between two entries in the journal: what a build that is cut off loses at most."""
_COPIED = 8192  # vectors at a time

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How much work a build was.

    Attributes:
        embedded: texts embedded now.
        reused: texts whose vectors were taken over.
        sent: passages sent to the engine's server; None where it has none.
        notes: what the builder should know, in Japanese.
    """

    embedded: int
    reused: int
    sent: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What a build reads.

    Attributes:
        documents: with unique ``doc_id``.
        skipped: files left out, to the reason.
        files: path below the corpus to sha256, to tell later whether anything changed.
    """

    documents: Sequence[Document]
    skipped: Mapping[str, str]
    files: Mapping[str, str]


def build(
    source: Source,
    encoder: Encoder,
    folder: Path,
    *,
    previous: Store | None = None,
    progress: Progress | None = None,
) -> tuple[Manifest, BuildReport]:
    """Write the files of a generation: Documents -> Passages -> terms and vectors.

    What searches the vectors is the engine's, and comes after.

    Args:
        source: documents and what is known of them.
        encoder: makes the vectors.
        folder: empty. Beside it lies the journal of the vectors computed; one that a build cut off
            has left is gone on with.
        previous: a store whose vectors and terms are taken over where texts are the same.
        progress: called with texts done and texts in all.

    Raises:
        CorpusError: two documents share a ``doc_id``, or there is nothing to index.
    """
    _check_ids(source.documents)
    lengths = _write_passages(source.documents, folder)
    texts = _Texts(Passages(folder))
    report = _Vectors(texts, encoder, previous).write(folder, lengths, progress)
    _write_terms(texts, folder, previous)
    (folder / "sources.json").write_text(json.dumps(dict(source.files), indent=0), "utf-8")
    manifest = Manifest(
        model=encoder.name,
        dimension=encoder.dimension,
        fingerprint=encoder.fingerprint,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        documents=len(source.documents),
        passages=len(texts.passages),
        sentences=len(texts) - len(texts.passages),
        skipped=dict(source.skipped),
        dense="",
        pipeline=pipeline_digest(),
        model_options=options_of(encoder),
    )
    return manifest, report


def _check_ids(documents: Sequence[Document]) -> None:
    if len({document.doc_id for document in documents}) < len(documents):
        raise CorpusError(
            "同じ doc_id の文書が複数あります。doc_id を重複しないようにしてください。"
        )


class _Texts(Sequence[str]):
    """What is embedded: the passages under their headings, then the sentences."""

    def __init__(self, passages: Passages) -> None:
        self.passages = passages
        self._owner = np.repeat(np.arange(len(passages)), np.diff(passages.sentence_offsets))

    def __len__(self) -> int:
        return len(self.passages) + len(self._owner)

    def __getitem__(self, row: int) -> str:  # type: ignore[override]  # no slices needed
        if row < len(self.passages):
            return encoder_text(self.passages[row])
        return self.sentence(row - len(self.passages))

    def sentence(self, row: int) -> str:
        passage = self.passages[int(self._owner[row])]
        start, end = self.passages.sentence_spans[row].tolist()
        return passage.text[start - passage.start : end - passage.start]


def _write_passages(documents: Sequence[Document], folder: Path) -> NDArray[np.int32]:
    """Write documents, passages and the keys of their texts; return the lengths of the texts."""
    write_documents(folder, documents)
    of_passages, of_sentences, counts = _TextKeys(), _TextKeys(), array("q")
    with PassageWriter(folder) as writer:
        for document in documents:
            passages = split_passages(document)
            counts.append(len(passages))
            for passage in passages:
                writer.append(passage)
                of_passages.append(encoder_text(passage))
                for start, end in passage.sentences:
                    of_sentences.append(document.text[start:end])
        if not of_passages.lengths:
            raise CorpusError("索引にする本文がありません。文書の中身を確認してください。")
    np.save(folder / "passage_counts.npy", np.array(counts))
    np.save(folder / "passage_keys.npy", of_passages.keys)
    np.save(folder / "sentence_keys.npy", of_sentences.keys)
    return np.array(of_passages.lengths + of_sentences.lengths)


class _TextKeys:
    """The keys of texts, and their lengths in characters."""

    def __init__(self) -> None:
        self._keys = bytearray()
        self.lengths = array("i")

    def append(self, text: str) -> None:
        self._keys += key_of(text)
        self.lengths.append(len(text))

    @property
    def keys(self) -> Keys:
        return np.frombuffer(self._keys, dtype=f"S{KEY_BYTES}")


class _Vectors:
    """Takes over the vectors that are known, and has the others embedded."""

    def __init__(self, texts: _Texts, encoder: Encoder, previous: Store | None) -> None:
        self._texts = texts
        self._encoder = encoder
        same = previous is not None and previous.manifest.fingerprint == encoder.fingerprint
        self._known = _known_vectors(previous) if previous is not None and same else []

    def write(
        self, folder: Path, lengths: NDArray[np.int32], progress: Progress | None
    ) -> BuildReport:
        self._journal = Journal(journal_path(folder.parent, self._encoder), self._encoder.dimension)
        of_passages, of_sentences = (
            np.load(folder / f"{name}_keys.npy") for name in ("passage", "sentence")
        )
        keys: Keys = np.concatenate([of_passages, of_sentences])
        distinct, first = np.unique(keys, return_index=True)
        new = first[self._unknown(distinct)]
        # Texts of like length are embedded together, so that little is spent on padding.
        with expecting(self._encoder, len(new)):
            self._embed(new[np.argsort(-lengths[new], kind="stable")], keys, progress)
        known = [*self._known, self._journal.known()]
        self._copy(folder / "passage_vectors.npy", of_passages, known)
        self._copy(folder / "sentence_vectors.npy", of_sentences, known)
        return BuildReport(embedded=len(new), reused=len(distinct) - len(new))

    def _unknown(self, keys: Keys) -> NDArray[np.bool_]:
        found = np.zeros(len(keys), dtype=np.bool_)
        for known in [*self._known, self._journal.known()]:
            found |= known.find(keys) >= 0
        return ~found

    def _embed(self, rows: Rows, keys: Keys, progress: Progress | None) -> None:
        size = _BLOCK * max(1, (os.cpu_count() or 1) // 2)  # a pool divides it
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            inner = _counted_on(progress, start, len(rows)) if progress else None
            vectors = self._encoder.encode_passages([self._texts[row] for row in block], inner)
            self._journal.append(keys[block], vectors)
            if progress:
                progress(start + len(block), len(rows))

    def _copy(self, path: Path, keys: Keys, known: Sequence[KnownVectors]) -> None:
        with HalfVectorsWriter(path, self._encoder.dimension) as writer:
            for start in range(0, len(keys), _COPIED):
                wanted = keys[start : start + _COPIED]
                vectors = np.full((len(wanted), self._encoder.dimension), np.nan, np.float32)
                for source in known:
                    rows = source.find(wanted)
                    vectors[rows >= 0] = source.rows(rows[rows >= 0])
                if np.isnan(vectors).any():
                    raise StoreError(
                        "計算したベクトルがそろいません。作業中のファイルが消されたか、モデルが"
                        "数でない値を返しました。もう一度 `dxqa build` を実行してください。"
                    )
                writer.append(vectors)


def _counted_on(progress: Progress, done: int, total: int) -> Callable[[int, int], None]:
    return lambda here, _: progress(done + here, total)


def _known_vectors(previous: Store) -> list[KnownVectors]:
    return [
        KnownVectors(previous.passage_keys, previous.dense.vectors),
        KnownVectors(previous.sentence_keys, previous.sentence_vectors),
    ]


def _write_terms(texts: _Texts, folder: Path, previous: Store | None) -> None:
    """Analyse passages and sentences, except for those that the previous index has analysed."""
    before = previous if previous and previous.manifest.pipeline == pipeline_digest() else None
    passages = _known_rows(before.passage_keys if before else None, folder / "passage_keys.npy")
    sentences = _known_rows(before.sentence_keys if before else None, folder / "sentence_keys.npy")
    for name, rows, text, analyse in (
        ("lexical", passages, texts.__getitem__, _words),
        ("trigrams", passages, texts.__getitem__, trigrams),
        ("sentence_lexical", sentences, texts.sentence, _words),
    ):
        old: LexicalIndex | None = getattr(before, name, None)
        new = map(analyse, map(text, np.flatnonzero(rows < 0).tolist()))
        LexicalIndex.build(folder / name, _hashes(rows, old, new))


def _known_rows(before: Keys | None, path: Path) -> Rows:
    """Return the row of each text in the previous index, -1 for those it has not."""
    keys: Keys = np.load(path)
    if before is None:
        return np.full(len(keys), -1, dtype=np.intp)
    return KeyTable(before).find(keys)


def _hashes(rows: Rows, old: LexicalIndex | None, new: Iterator[Sequence[str]]) -> Iterator[Hashes]:
    """Yield the hashes of each text: as the old index has them, or of the next new terms."""
    for row in rows.tolist():
        yield old.forward(row) if old is not None and row >= 0 else term_hashes(next(new))


def _words(text: str) -> list[str]:
    return [*terms(text), *pairs(text)]

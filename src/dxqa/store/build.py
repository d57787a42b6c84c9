"""Documents to a Store: split, tokenise, embed; vectors of unchanged texts are taken over."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dxqa.dense import DenseIndex
from dxqa.errors import CorpusError
from dxqa.lexical import LexicalIndex
from dxqa.passages import encoder_text, split_passages
from dxqa.store.store import Manifest, Store
from dxqa.tokenizer import pairs, terms, trigrams
from dxqa.types import Document, Encoder, Passage, Progress, Vectors


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How much work a build was: texts embedded now, and texts whose vectors were taken over."""

    embedded: int
    reused: int


def build(
    documents: Sequence[Document],
    encoder: Encoder,
    *,
    previous: Store | None = None,
    skipped: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[Store, BuildReport]:
    """The document line: Documents -> Sections -> Passages -> terms and vectors -> Store.

    Args:
        documents: with unique ``doc_id``.
        encoder: makes the vectors.
        previous: a store whose vectors are reused where texts and encoder are the same.
        skipped: files left out, for the manifest.
        progress: called with texts done and texts in all.

    Raises:
        CorpusError: two documents share a ``doc_id``, or there is nothing to index.
    """
    by_id = {document.doc_id: document for document in documents}
    if len(by_id) < len(documents):
        raise CorpusError(
            "同じ doc_id の文書が複数あります。doc_id を重複しないようにしてください。"
        )
    passages = [passage for document in documents for passage in split_passages(document)]
    if not passages:
        raise CorpusError("索引にする本文がありません。文書の中身を確認してください。")
    sentences = [by_id[p.doc_id].text[a:b] for p in passages for a, b in p.sentences]
    texts = [encoder_text(passage) for passage in passages] + sentences
    known = _known_vectors(previous, encoder)
    vectors, report = _embed(texts, encoder, known, progress)
    store = Store(
        manifest=_manifest(encoder, documents, passages, skipped or {}),
        documents=by_id,
        passages=passages,
        dense=DenseIndex.build(vectors[: len(passages)]),
        sentence_dense=DenseIndex.build(vectors[len(passages) :], searched=False),
        lexical=LexicalIndex.build([_lexical_terms(encoder_text(p)) for p in passages]),
        trigrams=LexicalIndex.build([trigrams(encoder_text(p)) for p in passages]),
        sentence_lexical=LexicalIndex.build([_lexical_terms(text) for text in sentences]),
    )
    return store, report


def _lexical_terms(text: str) -> list[str]:
    return [*terms(text), *pairs(text)]


def _known_vectors(previous: Store | None, encoder: Encoder) -> dict[str, Vectors]:
    if previous is None or previous.manifest.fingerprint != encoder.fingerprint:
        return {}
    texts = [encoder_text(p) for p in previous.passages]
    texts += [previous.text(s) for s in previous.sentences]
    vectors = np.concatenate([previous.dense.vectors(), previous.sentence_dense.vectors()])
    return dict(zip(texts, vectors, strict=True))


def _embed(
    texts: Sequence[str],
    encoder: Encoder,
    known: Mapping[str, Vectors],
    progress: Callable[[int, int], None] | None,
) -> tuple[Vectors, BuildReport]:
    """Return ``(len(texts), dim)`` vectors; each distinct unknown text is embedded once."""
    new = list(dict.fromkeys(text for text in texts if text not in known))
    vectors = encoder.encode_passages(new, progress)
    table = {**known, **dict(zip(new, vectors, strict=True))}
    rows = np.array([table[text] for text in texts], dtype=np.float32)
    return rows, BuildReport(embedded=len(new), reused=len(set(texts)) - len(new))


def _manifest(
    encoder: Encoder,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    skipped: Mapping[str, str],
) -> Manifest:
    return Manifest(
        model=encoder.name,
        dimension=encoder.dimension,
        fingerprint=encoder.fingerprint,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        documents=len(documents),
        passages=len(passages),
        skipped=dict(skipped),
    )

"""The public face of dxqa: both straight lines, each in one method."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from dxqa import store as stores
from dxqa.answering import (
    Verifier,
    Writer,
    card,
    comparison,
    compose,
    list_cases,
    load_verifier,
)
from dxqa.encoders import fingerprint as bundled_fingerprint
from dxqa.encoders import is_bundled, load_encoder, load_reranker, model_name
from dxqa.engines import EngineSettings, Faiss
from dxqa.errors import QuestionError, StoreError
from dxqa.japanese import normalize
from dxqa.readers import read_corpus
from dxqa.retrieval import Filters, Query, Retrieval, Retriever, rerank
from dxqa.store import BuildReport, Source, Store, Target
from dxqa.types import Answer, Case, Document, Encoder, Hit, Progress, Reranker

LONGEST_QUESTION = 2000
"""Characters; beyond this it is a document, not a question."""
_FEWEST_COMPARED = 2
_MOST_NAMED = 20
"""Municipalities that an error names."""

Corpus = str | Path | Sequence[Document]


class Index:
    """Passages of a corpus, searchable and answerable.

    Examples:
        >>> index = Index.build("corpus/")
        >>> index.save("index/")
        >>> index = Index.load("index/")
        >>> index.ask("市長が最高デジタル責任者を務めている市は？").text
    """

    def __init__(self, store: Store, encoder: Encoder | None = None) -> None:
        """Wrap a store; without an encoder, the one that built it is loaded when first needed."""
        self.store = store
        self.report = BuildReport(embedded=0, reused=0)
        self._encoder = encoder
        self._reranker: Reranker | str | None = None
        if encoder is not None:
            _check_same_encoder(store, encoder)

    @classmethod
    def build(  # noqa: PLR0913 - all but the first have their defaults
        cls,
        corpus: Corpus,
        *,
        encoder: Encoder | str | None = None,
        folder: str | Path | None = None,
        engine: EngineSettings | None = None,
        previous: Index | None = None,
        progress: Progress | None = None,
    ) -> Index:
        """The document line: corpus files -> Documents -> Sections -> Passages -> Store.

        Args:
            corpus: a folder, a file, or documents made elsewhere.
            encoder: an ``Encoder``, a sentence-transformers name or folder, or None for the
                bundled model.
            folder: where to keep the index. It is switched in when it is whole, and a build that is
                cut off is gone on with by the next. Without one, ``save`` keeps it.
            engine: finds the candidates of a question: ``Milvus(...)``, or ``Faiss()``, which is
                within the folder. By default that of ``previous``, or else FAISS.
            previous: an index whose vectors are taken over where texts and encoder are the same.
            progress: called with texts embedded and texts to embed.

        Raises:
            CorpusError: nothing to read.
            ModelError: the encoder cannot be loaded.
            StoreError: the folder cannot be written, or another process builds there.
            EngineError: the engine's server cannot be reached or used.
        """
        source = _read(corpus)
        loaded = load_encoder(encoder) if encoder is None or isinstance(encoder, str) else encoder
        known = previous.store if previous else None
        chosen = engine or (known.engine.settings if known else Faiss())
        target = Target(Path(folder) if folder is not None else None, chosen)
        store, report = stores.build_index(
            target, source, loaded, previous=known, progress=progress
        )
        index = cls(store, loaded)
        index.report = report
        return index

    @classmethod
    def load(
        cls,
        folder: str | Path,
        engine: EngineSettings | None = None,
        *,
        encoder: Encoder | str | None = None,
        reranker: Reranker | str | None = None,
    ) -> Index:
        """Load what ``save`` or ``build`` wrote.

        Args:
            folder: that was given to ``save`` or ``build``.
            engine: the same engine at another address, or with a token; by default as the index
                says. Its server is connected to when the first question is asked.
            encoder: must be the one that built it, though its folder may have moved; None loads
                that when it is first needed.
            reranker: puts what is found into a better order; see the property.

        Raises:
            ModelError: the encoder given cannot be loaded.
            StoreError: no index there, damaged, of another version, or of another model.
            EngineError: it was built for another engine.
        """
        store = stores.load(folder, engine)
        index = cls(store, _given(store, encoder) if isinstance(encoder, str) else encoder)
        index.reranker = reranker
        return index

    def save(self, folder: str | Path) -> None:
        """Write the index; what was in the folder stays valid until the last step.

        Args:
            folder: made where it is not there yet.

        Raises:
            StoreError: the folder cannot be written, or another process builds there.
        """
        stores.save(self.store, folder)

    def update(self, corpus: Corpus, progress: Progress | None = None) -> BuildReport:
        """Make this index one of ``corpus``, embedding only texts that are new.

        Args:
            corpus: as for ``build``.
            progress: as for ``build``.

        Returns:
            How many texts were embedded and how many taken over.

        Raises:
            CorpusError: nothing to read; this index stays as it is.
            ModelError: the encoder cannot be loaded any more.
            StoreError: the encoder is no longer the one that built this index.
        """
        fresh = Index.build(corpus, encoder=self.encoder, previous=self, progress=progress)
        self._take(fresh.store)
        self.report = fresh.report
        return self.report

    def is_made_of(self, corpus: str | Path) -> bool:
        """Whether building again out of ``corpus`` would make the same index.

        Compares the files' contents, and the code that reads them, without loading a model where
        the bundled one is used.

        Args:
            corpus: a folder or a file.

        Raises:
            ModelError: another model than the bundled one cannot be loaded.
        """
        model = self.store.manifest.model
        known = is_bundled(model) and self._encoder is None
        encoder = None if known else self._encoder or _load(self.store)
        fingerprint = encoder.fingerprint if encoder else bundled_fingerprint(model)
        return Path(corpus).exists() and stores.is_made_of(self.store, Path(corpus), fingerprint)

    def refresh(self) -> bool:
        """Take up what a build, perhaps of another process, has put in this index's folder since.

        Until then an index answers from what it loaded. Returns whether there was something new.

        Raises:
            StoreError: what is there now cannot be loaded; this index stays as it is.
        """
        root = self.store.folder.parent
        if self.store.kept is not None or stores.is_current(self.store, root):
            return False
        settings = self.store.engine.settings
        same = stores.engine_name(root) == settings.name  # perhaps at an address given
        fresh = Index.load(root, settings if same else None, encoder=self._encoder)
        self._take(fresh.store)
        return True

    def _take(self, store: Store) -> None:
        self.store = store
        for made in ("retriever", "_cases"):
            self.__dict__.pop(made, None)

    @property
    def encoder(self) -> Encoder:
        """The encoder that built the index, loaded when first asked for.

        Raises:
            ModelError: it cannot be loaded any more.
            StoreError: its weights are no longer those that built the index.
        """
        if self._encoder is None:
            encoder = _load(self.store)
            _check_same_encoder(self.store, encoder)
            self._encoder = encoder
        return self._encoder

    @property
    def reranker(self) -> Reranker | None:
        """What puts the best passages into a better order; None unless one is set.

        May be set to a ``Reranker``, or to a folder or hub name, loaded when first asked for.

        Raises:
            ModelError: it cannot be loaded.
        """
        if isinstance(self._reranker, str):
            self._reranker = load_reranker(self._reranker)
        return self._reranker

    @reranker.setter
    def reranker(self, reranker: Reranker | str | None) -> None:
        self._reranker = reranker

    @cached_property
    def retriever(self) -> Retriever:
        """The first half of the question line."""
        return Retriever(self.store, self.encoder)

    @cached_property
    def verifier(self) -> Verifier | None:
        """Tells sentences that answer from those on the same subject; None for other encoders."""
        return load_verifier(self.encoder)

    def search(
        self,
        question: str,
        *,
        k: int = 5,
        filters: Filters | None = None,
        history: Sequence[str] = (),
    ) -> list[Hit]:
        """Return the ``k`` best passages, best first.

        Args:
            question: colloquial Japanese will do.
            k: at least 1.
            filters: metadata key to value, several values, a range such as ``"..30000"``, or None
                to undo a filter that the question itself sets.
            history: earlier questions of the conversation, oldest first.

        Returns:
            At most ``k`` hits, ranks from 1.

        Raises:
            QuestionError: an empty question, one of more than 2,000 characters, ``k`` below 1, or
                a range asked of a key whose values are no numbers.
        """
        _check(question, k)
        query = self.retriever.understand(question, history, filters)
        return list(self._search(query, k, {}).hits)

    def _search(self, query: Query, k: int, timings: dict[str, float]) -> Retrieval:
        with _timed(timings, "search"):
            found = self.retriever.search(query, k)
        reranker = self.reranker  # loaded now, which is not counted
        if reranker is not None:
            with _timed(timings, "rerank"):
                found = rerank(found, reranker, k)
        return found

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str] = (),
        filters: Filters | None = None,
        k: int = 5,
        writer: Writer | None = None,
    ) -> Answer:
        """The question line: understand -> search -> evidence -> compose and cite -> Answer.

        Args:
            question: colloquial Japanese will do.
            history: earlier questions of the conversation, oldest first.
            filters: as for ``search``.
            k: how many hits the answer carries.
            writer: puts the answer into prose; without one, nothing opens a connection.

        Returns:
            The answer; where the documents do not say, one whose ``answered`` is false.

        Raises:
            QuestionError: as for ``search``.
        """
        _check(question, k)
        timings: dict[str, float] = {}
        retriever = self.retriever
        with _timed(timings, "understand"):
            query = retriever.understand(question, history, filters)
        retrieval = self._search(query, k, timings)
        with _timed(timings, "answer"):
            answer = compose(retrieval, self.store, self.verifier)
        if writer is not None:
            with _timed(timings, "write"):
                answer = writer.write(answer)
        timings["total"] = sum(timings.values())
        return dataclasses.replace(answer, timings_ms=timings, conditions=query.conditions)

    def cases(self) -> list[Case]:
        """Return every municipality at a glance, in the order of the documents."""
        return list(self._cases)

    @cached_property
    def _cases(self) -> tuple[Case, ...]:
        return tuple(list_cases(self.store))

    def card(self, name: str) -> Answer:
        """Return one case as a whole, by aspects, as ``ask`` answers 「…について教えて」.

        Args:
            name: full name of a municipality, or its end where only one has it (都城市).

        Raises:
            QuestionError: no case of that name, or several.
        """
        return card(self.store, _full_name(self.store, name))

    def compare(self, names: Sequence[str]) -> Answer:
        """Return two or more cases side by side, by aspects.

        Args:
            names: as for ``card``; one that comes twice counts once.

        Raises:
            QuestionError: fewer than two cases, no case of a name, or several.
        """
        found = list(dict.fromkeys(_full_name(self.store, name) for name in names))
        if len(found) < _FEWEST_COMPARED:
            raise QuestionError("比べる自治体を2つ以上指定してください。")
        return comparison(self.store, found)


def _full_name(store: Store, name: str) -> str:
    """Return the municipality meant by a full name, or by its end where only one has it."""
    wanted = normalize(name).text.strip()
    held = list(store.municipalities)
    found = [wanted] if wanted in held else [n for n in held if wanted and n.endswith(wanted)]
    if len(found) == 1:
        return found[0]
    known = "、".join((found or held)[:_MOST_NAMED])
    if found:
        raise QuestionError(
            f"「{name}」にあたる自治体がいくつもあります。{known}のどれかで指定してください。"
        )
    told = f"資料にある自治体は、{known}です。" if known else "自治体の事例は一つもありません。"
    raise QuestionError(f"「{name}」の事例は、資料にありません。{told}")


def _read(corpus: Corpus) -> Source:
    if isinstance(corpus, str | Path):
        # Before reading: what is written meanwhile makes the next build look again.
        files = stores.file_digests(Path(corpus)) if Path(corpus).exists() else {}
        found = read_corpus(corpus)
        return Source(found.documents, {str(s.path): s.reason for s in found.skipped}, files)
    return Source(corpus, {}, {})


def _check(question: str, k: int) -> None:
    if not question.strip():
        raise QuestionError("質問が空です。知りたいことを文章で入力してください。")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"質問が長すぎます ({len(question):,} 字)。{LONGEST_QUESTION:,} 字以内にしてください。"
        )
    if k < 1:
        raise QuestionError(f"件数 k は 1 以上にしてください: {k}")


def _load(store: Store) -> Encoder:
    """Load what the index names; whoever made it may not have this machine ask the hub for it."""
    return load_encoder(store.manifest.model, download=False, **store.manifest.model_options)


def _given(store: Store, name: str) -> Encoder | None:
    """Return the encoder asked for: of the name remembered, or of a folder that has moved."""
    manifest = store.manifest
    given = model_name(name)
    if given == model_name(manifest.model):
        return None if is_bundled(given) else load_encoder(given, **manifest.model_options)
    if Path(given).is_absolute() and Path(manifest.model).is_absolute():
        return load_encoder(given, **manifest.model_options)
    raise StoreError(
        f"索引のモデルは {manifest.model} ですが、{name} が指定されました。"
        f"--model を外すか、`dxqa build --model {name}` で索引を作り直してください。"
    )


def _check_same_encoder(store: Store, encoder: Encoder) -> None:
    manifest = store.manifest
    if manifest.fingerprint != encoder.fingerprint:
        raise StoreError(
            f"索引はモデル {manifest.model} ({manifest.dimension} 次元) で作られており、"
            f"いまのモデル {encoder.name} ({encoder.dimension} 次元) とは重みが違います。"
            "`dxqa build` で索引を作り直してください。"
        )


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[step] = round((time.perf_counter() - start) * 1000, 2)

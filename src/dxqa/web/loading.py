"""Getting the index ready in the background while the page is already up."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from dxqa.answering import Writer, remarked
from dxqa.engines import EngineSettings
from dxqa.errors import DxqaError, QuestionError, StoreError, VersionError
from dxqa.index import Index
from dxqa.retrieval import Filters
from dxqa.store import manifest_stamp, read_record, verify
from dxqa.types import Answer
from dxqa.web.journal import Journal
from dxqa.web.line import Line, finished
from dxqa.web.logs import event, say
from dxqa.web.rebuilding import QuestionsFirst

Stage = Literal["loading", "building", "ready", "failed"]
_Result = TypeVar("_Result")

_LOG = logging.getLogger(__name__)
_REBUILD = (
    "「検索に反映する」を押すと、いまの資料から作り直します。"
    "別の `dxqa build` が正しい索引を作れば、自動で切り替わります。"
)
MOST_WRITTEN = 8
"""Answers that the language model is given at a time; others are told in quotes."""
_WRITER_BUSY = "言語モデルが混み合っているため、原文の引用でお答えします。"
_WARM_UP = "自治体のDXとは"
"""Asked once before the first user does, so that every lazy part is loaded."""


@dataclass(frozen=True, slots=True)
class State:
    """How far things are; ``done`` of ``total`` texts while building, 0 of 0 before that.

    ``message`` is Japanese: why it failed, or what the user should know of an index in use.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    message: str = ""


class IndexLoader:
    """Loads the index of a folder, or builds it there first; answers questions when ready.

    Attributes:
        state: how far the index is that answers.
        engine: instead of the one that the index names.
        line: of those who ask; all use one model and one tokenizer.
        rebuilding: how far the index is that will take its place; None before the first time.
        reranker: puts what is found into a better order; to be set before ``start``.
    """

    def __init__(
        self,
        corpus: str | Path,
        folder: str | Path,
        model: str | None = None,
        *,
        writer: Writer | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Remember where things are; ``start`` begins the work.

        Args:
            corpus: folder of documents.
            folder: of the index.
            model: of the index, where not the bundled one.
            writer: puts answers into prose.
            journal: is told of every question.
        """
        self.corpus = Path(corpus)
        self.folder = Path(folder)
        self.model = model
        self.reranker: str | None = None
        self.engine: EngineSettings | None = None
        self.state = State("loading")
        self.rebuilding: State | None = None
        self._found_bad: State | None = None
        self._writer = writer
        self._journal = journal
        self._index: Index | None = None
        self.line = Line()
        self._writing = threading.BoundedSemaphore(MOST_WRITTEN)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def index(self) -> Index | None:
        """The index, once the stage is ready."""
        return self._index if self.state.stage == "ready" else None

    def start(self) -> None:
        """Begin, or begin again after a failure; does nothing while at work or ready."""
        with self._starting:
            if self.at_work or self.state.stage == "ready":
                return
            self.state = State("loading")
            self._thread = threading.Thread(target=self._run, name="dxqa-index", daemon=True)
            self._thread.start()

    def rebuild(self) -> bool:
        """Begin to build anew from the corpus; the index in use answers until it is replaced.

        Texts that are the same keep their vectors. Returns False while at work or not ready yet.
        """
        with self._starting:
            if self.at_work or self.index is None:
                return False
            self.rebuilding = State("building")
            self._thread = threading.Thread(target=self._rebuild, name="dxqa-index", daemon=True)
            self._thread.start()
            return True

    def take_up(self) -> bool:
        """Begin to look at the index in the folder again, where another process has changed it.

        One that is whole takes the place of the one in use; after a failure, loading begins again.
        Returns False while at work.
        """
        with self._starting:
            if self.at_work:
                return False
            ready = self.state.stage == "ready"
            self.state = self.state if ready else State("loading")
            work = self._take_up if ready else self._run
            self._thread = threading.Thread(target=work, name="dxqa-index", daemon=True)
            self._thread.start()
            return True

    @property
    def at_work(self) -> bool:
        """Whether the index is being loaded or built right now."""
        return self._thread is not None and self._thread.is_alive()

    def join(self) -> None:
        """Wait until the work begun by ``start`` or ``rebuild`` is over, well or not."""
        if self._thread is not None:
            self._thread.join()

    def held(self, work: Callable[[Index], _Result], asker: str | None = "") -> _Result:
        """Return what ``work`` makes of the index in its asker's turn.

        Raises:
            QuestionError: the index is not ready.
            BusyError: too many wait.
        """
        return finished(self.holding(work, asker))

    def holding(
        self, work: Callable[[Index], _Result], asker: str | None = ""
    ) -> Generator[int, None, _Result]:
        """Do as ``held`` does; yield how many come before, now and then, while it is not there."""
        self._ready_index()
        return (yield from self.line.turn(lambda: work(self._ready_index()), asker))

    def ask(
        self,
        question: str,
        history: Sequence[str],
        filters: Filters | None = None,
        *,
        asker: str = "",
        repeated: bool = False,
    ) -> Answer:
        """Answer; one question at a time, since they share one model and one tokenizer.

        Args:
            question: in Japanese.
            history: the questions before it, oldest first.
            filters: over metadata.
            asker: in whose name it waits.
            repeated: asked before by the same reader, so that it gives way to others and is not
                written down again.

        Raises:
            QuestionError: empty or too long a question, or the index is not ready.
            BusyError: too many wait.
        """
        return finished(self.asking(question, history, filters, asker=asker, repeated=repeated))

    def asking(
        self,
        question: str,
        history: Sequence[str],
        filters: Filters | None = None,
        *,
        asker: str = "",
        repeated: bool = False,
    ) -> Generator[int, None, Answer]:
        """Do as ``ask`` does; yield how many come before, now and then, while it is not there."""
        journal = None if repeated else self._journal
        start = time.perf_counter()
        try:
            answer = yield from self.holding(
                lambda index: index.ask(question, history=history, filters=filters),
                None if repeated else asker,
            )
            answer = self._in_prose(answer)
        except Exception as error:
            if journal:
                journal.failed(question, error, time.perf_counter() - start)
            raise
        if journal:
            journal.answered(answer, history, time.perf_counter() - start)
        return answer

    def close(self, timeout: float) -> bool:
        """Take no more questions; return whether all are answered within so many seconds."""
        deadline = time.monotonic() + timeout
        answered = self.line.close(timeout)
        return answered and all(
            self._writing.acquire(timeout=max(0.0, deadline - time.monotonic()))
            for _ in range(MOST_WRITTEN)
        )

    def _ready_index(self) -> Index:
        index = self.index
        if index is None:
            raise QuestionError("まだ準備中です。準備が終わってから、もう一度送信してください。")
        return index

    def _in_prose(self, answer: Answer) -> Answer:
        """Return an answer as the writer puts it, where there is one and it has not too much to do.

        Not ``index.ask(writer=)``: others may ask while the language model takes its minutes.
        """
        if self._writer is None:
            return answer
        start = time.perf_counter()
        if not self._writing.acquire(blocking=False):
            return remarked(answer, _WRITER_BUSY) if answer.answered else answer
        try:
            answer = self._writer.write(answer)
        finally:
            self._writing.release()
        write = round((time.perf_counter() - start) * 1000, 2)
        timings = {**answer.timings_ms, "write": write}
        timings["total"] = answer.timings_ms["total"] + write
        return dataclasses.replace(answer, timings_ms=timings)

    def _run(self) -> None:
        try:
            self._make_ready()
        except DxqaError as error:
            self._fail(f"{error}\n{self._advice()}")
        except Exception:  # noqa: BLE001 - whatever it is, the page stays up
            _LOG.exception("索引の準備中に思わぬ問題が起きました")
            self._fail(
                f"思わぬ問題が起きました。詳しい内容はサーバーの画面にあります。\n{self._advice()}"
            )

    def _make_ready(self) -> None:
        message = ""
        if manifest_stamp(self.folder):
            say(f"索引を読み込んでいます: {self.folder}")
            index = Index.load(self.folder, self.engine, encoder=self.model)
        else:
            say(f"索引がないので、{self.corpus} から作ります。")
            self.state = State("building")
            index, message = self._build()
        self.state = State("loading", message=message)
        index.reranker = self.reranker
        self._warm_up(index)
        self._index = index
        self.state = State("ready", message=message)
        say("準備ができました。質問できます。")

    def _rebuild(self) -> None:
        try:
            self._replace()
        except DxqaError as error:
            self._keep_old(str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the index in use answers on
            _LOG.exception("索引の作り直しの途中で思わぬ問題が起きました")
            self._keep_old("思わぬ問題が起きました。詳しい内容はサーバーの画面にあります。")

    def _replace(self) -> None:
        old = self._in_use()
        start = time.perf_counter()
        index = self._newest(old)
        if not (self._is_kept(index) and index.is_made_of(self.corpus)):
            built = Index.build(
                self.corpus,
                encoder=QuestionsFirst(index.encoder, self.line),
                folder=self.folder,
                previous=index,
                progress=self._rebuild_progress,
            )
            report, index = built.report, Index(built.store, index.encoder)
            index.report = report
        self._use(index, old)
        event(
            "build",
            documents=index.store.manifest.documents,
            passages=index.store.manifest.passages,
            embedded=index.report.embedded,
            ms=round((time.perf_counter() - start) * 1000),
        )

    def _take_up(self) -> None:
        try:
            old = self._in_use()
            index = self._held_in_folder(old)
            if index is not old:
                self._use(index, old)
                say("ほかで作られた索引を読み込みました。これからはその索引で答えます。")
            elif self.rebuilding is self._found_bad:  # it is whole again
                self.rebuilding = None
        except DxqaError as error:
            advice = "" if isinstance(error, VersionError) else _REBUILD
            self._keep_old(f"{error}{advice}", "フォルダの索引を読み込めません")
            self._found_bad = self.rebuilding
        except Exception:  # noqa: BLE001 - whatever it is, the index in use answers on
            _LOG.exception("索引の読み込みの途中で思わぬ問題が起きました")
            self._keep_old("思わぬ問題が起きました。詳しい内容はサーバーの画面にあります。")

    def _in_use(self) -> Index:
        if self._index is None:
            raise QuestionError("まだ準備中です。")
        return self._index

    def _use(self, index: Index, old: Index) -> None:
        """Let an index answer in the place of another."""
        index.reranker = old.reranker
        _ = index.encoder  # one of another model takes its time to load: not in the line
        self._warm_up(index)
        self._index = index
        self.state = State("ready")
        manifest = index.store.manifest
        held = f"文書 {manifest.documents:,} 件、{manifest.passages:,} か所になりました。"
        self.rebuilding = State("ready", message=held)

    def _warm_up(self, index: Index) -> None:
        self.line.hand_in(lambda: index.ask(_WARM_UP), None).result()

    def _rebuild_progress(self, done: int, total: int) -> None:
        self.rebuilding = State("building", done, total)

    def _keep_old(self, message: str, what: str = "索引を作り直せませんでした") -> None:
        self.rebuilding = State("failed", message=message)
        say(f"{what}。これまでの索引で続けます。{message}")

    def _newest(self, old: Index) -> Index:
        """Return what another process has built in the folder since, or the index in use.

        Raises:
            StoreError: what is there is of another version of dxqa, and not to be replaced by this.
        """
        try:
            return self._held_in_folder(old)
        except VersionError:
            raise
        except StoreError as error:
            say(f"フォルダの索引は読み込めませんでした。{error}")
            return old

    def _is_kept(self, index: Index) -> bool:
        """Whether the index lies in the folder, with every byte as it was written."""
        try:
            return self.folder / verify(self.folder).generation == index.store.folder
        except (StoreError, OSError) as error:
            say(f"フォルダの索引を作り直します。{error}")
            return False

    def _held_in_folder(self, old: Index) -> Index:
        """Return the index in the folder, with its own model if it is of another one."""
        record = read_record(self.folder)
        if old.store.folder == self.folder / record.generation:
            return old
        same = record.manifest["fingerprint"] == old.encoder.fingerprint
        return Index.load(self.folder, self.engine, encoder=old.encoder if same else self.model)

    def _build(self) -> tuple[Index, str]:
        """Build for the first time; where it cannot be kept, it is still good for this run."""
        try:
            built = Index.build(
                self.corpus, encoder=self.model, folder=self.folder, progress=self._progress
            )
        except StoreError as error:
            say(str(error))
            built = Index.build(self.corpus, encoder=self.model, progress=self._progress)
            note = "（今回はこのまま使えますが、次に起動したとき索引を作り直します。）"
            return built, f"{error}{note}"
        return built, ""

    def _progress(self, done: int, total: int) -> None:
        before = self.state
        self.state = State("building", done, total)
        if total and done * 10 // total > before.done * 10 // total:
            say(f"索引を作っています: {done:,} / {total:,} 文 ({done * 100 // total} %)")

    def _fail(self, message: str) -> None:
        self.state = State("failed", message=message)
        say(message)

    def _advice(self) -> str:
        command = f"dxqa build --force --corpus {self.corpus} --index {self.folder}"
        return (
            f"コマンド `{command}` で索引を作るか、起動時の --corpus と --index の指定を"
            "確かめてから、「もう一度読み込む」を押してください。"
        )

"""What the page is started with."""

from dataclasses import dataclass
from pathlib import Path

from dxqa.answering import Writer
from dxqa.engines import EngineSettings
from dxqa.web.feedback import KEPT_DAYS
from dxqa.web.guard import LOCAL_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of ``dxqa serve``.

    Attributes:
        corpus: folder of documents; what is uploaded goes into its folder ``uploads``.
        index: folder of the index.
        model: of the index, where not the bundled one.
        reranker: puts what is found into a better order: a folder or hub name.
        engine: instead of the one that the index names: at another address.
        host: address to listen at.
        port: to listen at.
        root_path: under which a reverse proxy serves the page, such as ``/dxqa``.
        allowed_hosts: names by which browsers may ask; see ``names``.
        users: file of names and password hashes; without one, everybody may open the page.
        admin_password: file of one password hash, asked for before documents are changed.
        read_only: nothing is changed from the page.
        feedback: whether declined questions and ratings are kept.
        feedback_db: where; beside the index unless given.
        feedback_days: for how many days; 0 is until they are erased.
        log_questions: whether the log holds what was asked.
        writer: puts answers into prose.
    """

    corpus: Path = Path("corpus")
    index: Path = Path("index")
    model: str | None = None
    reranker: str | None = None
    engine: EngineSettings | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    allowed_hosts: tuple[str, ...] = ()
    users: Path | None = None
    admin_password: Path | None = None
    read_only: bool = False
    feedback: bool = True
    feedback_db: Path | None = None
    feedback_days: int = KEPT_DAYS
    log_questions: bool = False
    writer: Writer | None = None

    @property
    def feedback_file(self) -> Path:
        """Where feedback is kept."""
        return self.feedback_db or self.index.absolute().parent / "feedback.db"

    @property
    def names(self) -> frozenset[str]:
        """The hosts that the page answers to; none given stands for all.

        Behind a proxy, or where other machines are served, dxqa cannot know what it is called.
        """
        alone = self.host in ("localhost", "::1") or self.host.startswith("127.")
        if self.allowed_hosts or (alone and not self.root_path):
            return LOCAL_NAMES | {name.lower() for name in (self.host, *self.allowed_hosts)}
        return frozenset()

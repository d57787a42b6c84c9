"""Which Milvus server, and which collection of it."""

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from dxqa.engines.engine import About, Contents, Written
from dxqa.errors import EngineError

if TYPE_CHECKING:
    from dxqa.engines.milvus.engine import MilvusEngine

TOKEN_VARIABLE = "DXQA_MILVUS_TOKEN"  # noqa: S105 - its name
_COLLECTION = re.compile(r"[A-Za-z_]\w{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Milvus:
    """Chooses a Milvus server as the engine; it is connected to when it is first needed.

    Attributes:
        uri: such as http://127.0.0.1:19530; with https:// the connection is encrypted.
        collection: an alias on the server, which names the collection in use.
        token: ``user:password`` or a key; by default what DXQA_MILVUS_TOKEN holds. Never written.
        ca_file: certificates (PEM) that the server's is checked by, instead of the well-known ones.
        timeout_s: how long an answer may take, retries included.
    """

    uri: str
    collection: str = field(default="dxqa", kw_only=True)
    token: str | None = field(default=None, kw_only=True, repr=False)
    ca_file: str | None = field(default=None, kw_only=True)
    timeout_s: float = field(default=30.0, kw_only=True)

    name: ClassVar[str] = "Milvus"

    def __post_init__(self) -> None:
        parts = urlsplit(self.uri)
        if parts.username or parts.password:
            raise EngineError(
                "Milvus のアドレスには、名前やパスワードを書かないでください。"
                f"環境変数 {TOKEN_VARIABLE} に入れてください (例: 名前:パスワード)。"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EngineError(
                f"Milvus のアドレスの形が違います: {self.uri}。"
                "http://127.0.0.1:19530 のように指定してください。"
            )
        if not _COLLECTION.fullmatch(self.collection):
            raise EngineError(
                f"Milvus のコレクション名に使えない文字があります: {self.collection}。"
                "英字で始まる、英数字と _ だけの名前にしてください。"
            )

    @classmethod
    def named(cls, about: About) -> Self:
        """Return the settings that a manifest names."""
        return cls(about["uri"], collection=about["alias"], ca_file=about.get("ca_file"))

    def credentials(self) -> str:
        """The token given, or that of the environment, or none."""
        return self.token or os.environ.get(TOKEN_VARIABLE, "")

    def about(self) -> dict[str, Any]:
        """Return what a manifest says of the server: never the token."""
        return {
            "name": self.name,
            "uri": self.uri,
            "alias": self.collection,
            "ca_file": self.ca_file,
        }

    def write(self, contents: Contents, before: About | None) -> Written:
        """Bring the server up to date, in the collection in use or in a new one.

        Raises:
            EngineError: the server cannot be reached or used; the index before is untouched.
        """
        from dxqa.engines.milvus.writer import Writer  # noqa: PLC0415 - writer knows Milvus

        return Writer(self, contents).write(before)

    def open(self, contents: Contents, about: About) -> "MilvusEngine":
        """Return what asks the server; nothing is connected to yet."""
        from dxqa.engines.milvus.engine import MilvusEngine  # noqa: PLC0415

        return MilvusEngine(self, contents, about)

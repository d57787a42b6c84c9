"""A LangChain retriever over an index; needs the extra ``langchain``."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self, Unpack

from dxqa.errors import MissingPackageError
from dxqa.index import Index
from dxqa.integrations.findings import Finding, Options, find
from dxqa.retrieval import Filters

try:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import ConfigDict, Field
except ModuleNotFoundError as error:
    raise MissingPackageError(
        "LangChain から使うには、パッケージ langchain-core が要ります。"
        "`pip install 'dxqa[langchain]'` で入れてください。"
    ) from error


class DxqaRetriever(BaseRetriever):
    """Finds passages, or evidence only, as LangChain documents.

    >>> retriever = DxqaRetriever.from_folder("index/", k=5)
    >>> retriever.invoke("推進体制は？", filters={"prefecture": "山形県"})
    >>> retriever.invoke("その財源は？", history=["酒田市の外部人材について教えて"])

    ``invoke`` and its kin take the options of ``Options`` for one call; in a chain, ``bind`` does.

    Attributes:
        index: what is searched; several retrievers may share it.
        k: how many passages; of evidence there is as much as the answer needs.
        filters: as for ``Index.search``.
        history: earlier questions of the conversation, oldest first.
        only_evidence: return what ``Index.ask`` quotes, and nothing where it declines.
    """

    # A misspelt option is an error, not ignored.
    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    index: Index = Field(exclude=True, repr=False)
    k: int = 5
    filters: Filters | None = None
    history: Sequence[str] = ()
    only_evidence: bool = False

    @classmethod
    def from_folder(cls, folder: str | Path, **options: Unpack[Options]) -> Self:
        """Load the index that ``dxqa build`` made.

        Raises:
            StoreError: no index there, damaged, or of another version.
        """
        return cls(index=Index.load(folder), **options)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun | None = None,  # noqa: ARG002 - the interface
        **options: Unpack[Options],
    ) -> list[Document]:
        return [_document(found) for found in find(self.index, query, self._options(options))]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun | None = None,  # noqa: ARG002
        **options: Unpack[Options],
    ) -> list[Document]:
        found = await asyncio.to_thread(find, self.index, query, self._options(options))
        return [_document(finding) for finding in found]

    def _options(self, changed: Options) -> Options:
        own = Options(
            k=self.k,
            filters=self.filters,
            history=self.history,
            only_evidence=self.only_evidence,
        )
        return {**own, **changed}


def _document(found: Finding) -> Document:
    return Document(found.text, id=found.finding_id, metadata=found.metadata)

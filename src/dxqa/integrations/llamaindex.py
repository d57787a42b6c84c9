"""A LlamaIndex retriever over an index; needs the extra ``llamaindex``."""

import asyncio
from pathlib import Path
from typing import Self, Unpack

from dxqa.errors import MissingPackageError
from dxqa.index import Index
from dxqa.integrations.findings import Finding, Options, check, find

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.schema import (
        NodeRelationship,
        NodeWithScore,
        ObjectType,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ModuleNotFoundError as error:
    raise MissingPackageError(
        "LlamaIndex から使うには、パッケージ llama-index-core が要ります。"
        "`pip install 'dxqa[llamaindex]'` で入れてください。"
    ) from error

_FOR_THE_MODEL = ("title", "municipality")
"""Metadata that a language model reads before the text; the rest is for programs."""


class DxqaRetriever(BaseRetriever):  # type: ignore[misc]  # seen as Any, see pyproject.toml
    """Finds passages, or evidence only, as LlamaIndex nodes.

    >>> retriever = DxqaRetriever.from_folder("index/", k=5, filters={"prefecture": "山形県"})
    >>> retriever.retrieve("推進体制は？")

    LlamaIndex hands a retriever nothing but the question, so that each conversation makes a
    retriever of its own: ``DxqaRetriever(index, history=[...])`` costs nothing.

    Attributes:
        index: what is searched; several retrievers may share it.
        options: what the retriever is set to.
    """

    def __init__(
        self,
        index: Index,
        *,
        callback_manager: CallbackManager | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Set a retriever up.

        Args:
            index: what is searched.
            callback_manager: hears of every question.
            options: ``k``, ``filters``, ``history``, ``only_evidence``; see ``Options``.

        Raises:
            QuestionError: an option that there is not.
        """
        check(options)
        super().__init__(callback_manager=callback_manager)
        self.index = index
        self.options = options

    @classmethod
    def from_folder(cls, folder: str | Path, **options: Unpack[Options]) -> Self:
        """Load the index that ``dxqa build`` made.

        Raises:
            StoreError: no index there, damaged, or of another version.
        """
        return cls(Index.load(folder), **options)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(found) for found in find(self.index, query_bundle.query_str, self.options)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = await asyncio.to_thread(find, self.index, query_bundle.query_str, self.options)
        return [_node(finding) for finding in found]


def _node(found: Finding) -> NodeWithScore:
    metadata = found.metadata
    source = RelatedNodeInfo(
        node_id=metadata["doc_id"],
        node_type=ObjectType.DOCUMENT,
        metadata={"title": metadata["title"], "path": metadata["path"]},
    )
    hidden = [key for key in metadata if key not in _FOR_THE_MODEL or metadata[key] is None]
    node = TextNode(
        id_=found.finding_id,
        text=found.text,
        start_char_idx=metadata["start"],
        end_char_idx=metadata["end"],
        metadata=metadata,
        relationships={NodeRelationship.SOURCE: source},
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
    return NodeWithScore(node=node, score=metadata["score"])

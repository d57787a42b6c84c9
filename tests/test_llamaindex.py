"""The LlamaIndex retriever. LlamaIndex publishes no standard tests for retrievers: these are ours.

Checked in llama-index-core 0.14 (no test package among its files) and on PyPI (none of that kind).
"""

import asyncio
import json
from pathlib import Path
from typing import Any, override

import pytest
from llama_index.core import QueryBundle, get_response_synthesizer
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import RouterRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from llama_index.core.selectors import PydanticSingleSelector
from llama_index.core.tools import RetrieverTool

from dxqa import Index
from dxqa.errors import QuestionError, StoreError
from dxqa.integrations.llamaindex import DxqaRetriever
from tests.conftest import CORPUS, HashEncoder

QUESTION = "酒田市の外部人材について教えて"


@pytest.fixture(scope="module")
def hashed() -> Index:
    return Index.build(CORPUS / "cases", encoder=HashEncoder())


@pytest.fixture
def retriever(hashed: Index) -> DxqaRetriever:
    return DxqaRetriever(hashed, k=3)

"""dxqa inside LlamaIndex: search, evidence and a query engine that answers from quotes alone.

Run the cells in an editor that knows ``# %%``, or the whole file:

    dxqa build
    python examples/llamaindex_retriever.py index
"""

# %%
import sys

from llama_index.core import PromptTemplate
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode

from dxqa.integrations.llamaindex import DxqaRetriever

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "index"

# %% [markdown]
# A retriever over the folder that `dxqa build` made. A node knows its place in its document.

# %%
retriever = DxqaRetriever.from_folder(FOLDER, k=3)
for found in retriever.retrieve("オートコールを試した町は？"):
    place = found.metadata
    print(f"{place['rank']}. {place['title']} ({place['start']}-{place['end']}字目)")

# %% [markdown]
# LlamaIndex passes a retriever nothing but the question, so that filters and earlier questions are
# given when it is made. Retrievers share one index; another one costs nothing.

# %%
index = retriever.index
in_yamagata = DxqaRetriever(index, k=10, filters={"prefecture": "山形県"})
places = {str(found.metadata["municipality"]) for found in in_yamagata.retrieve("推進体制は？")}
print("山形県:", "、".join(sorted(places)))

following = DxqaRetriever(index, history=["酒田市の外部人材について教えて"])
print("その財源は？:", following.retrieve("その財源は？")[0].metadata["municipality"])

# %% [markdown]
# Evidence only: the sentences that dxqa would quote, and nothing where the documents do not say.
# The offsets lead to the very characters of the document.

# %%
evidence = DxqaRetriever(index, only_evidence=True)
for found in evidence.retrieve("酒田市の外部人材について教えて"):
    quote = found.node.get_content(MetadataMode.NONE)
    source = index.store.documents[found.metadata["doc_id"]]
    exact = source.text[found.metadata["start"] : found.metadata["end"]] == quote
    print("引用:", quote, "(原文どおり)" if exact else "(原文と違います)")

print("札幌市:", len(evidence.retrieve("北海道札幌市の取り組みは？")), "件")

# %% [markdown]
# A query engine whose model sees quotes alone; without nodes LlamaIndex does not ask the model and
# says "Empty Response". The model here repeats what it is sent, so that this runs anywhere: put
# your own in its place.

# %%
engine = RetrieverQueryEngine.from_args(
    evidence,
    llm=MockLLM(),
    text_qa_template=PromptTemplate(
        "次の引用だけを使って答えてください。\n{context_str}\n質問: {query_str}"
    ),
)
for question in ("酒田市の外部人材について教えて", "水族館の入場料はいくらですか"):
    response = engine.query(question)
    print(response if response.source_nodes else "資料には記載がありません。")

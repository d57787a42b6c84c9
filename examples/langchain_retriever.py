"""dxqa inside LangChain: search, evidence and a chain that declines when the documents do not say.

Run the cells in an editor that knows ``# %%``, or the whole file:

    dxqa build
    python examples/langchain_retriever.py index
"""

# %%
import sys
from operator import itemgetter
from typing import Any

from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import ParrotFakeChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnableLambda, RunnablePassthrough

from dxqa.integrations.langchain import DxqaRetriever

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "index"

# %% [markdown]
# A retriever over the folder that `dxqa build` made. Each document says where it stands.

# %%
retriever = DxqaRetriever.from_folder(FOLDER, k=3)
for document in retriever.invoke("オートコールを試した町は？"):
    place = document.metadata
    print(f"{place['rank']}. {place['title']} ({place['start']}-{place['end']}字目)")

# %% [markdown]
# One call may ask for more, filter, or follow up an earlier question.

# %%
found = retriever.invoke("推進体制は？", k=10, filters={"prefecture": "山形県"})
print("山形県:", "、".join(sorted({str(d.metadata["municipality"]) for d in found})))

found = retriever.invoke("その財源は？", history=["酒田市の外部人材について教えて"])
print("その財源は？:", found[0].metadata["municipality"])

# %% [markdown]
# Evidence only: the sentences that dxqa would quote, and nothing where the documents do not say.
# The offsets lead to the very characters of the document.

# %%
evidence = DxqaRetriever(index=retriever.index, only_evidence=True)
for quote in evidence.invoke("酒田市の外部人材について教えて"):
    source = retriever.index.store.documents[quote.metadata["doc_id"]]
    exact = source.text[quote.metadata["start"] : quote.metadata["end"]] == quote.page_content
    print("引用:", quote.page_content, "(原文どおり)" if exact else "(原文と違います)")

print("札幌市:", len(evidence.invoke("北海道札幌市の取り組みは？")), "件")

# %% [markdown]
# A chain whose model sees quotes alone, and is not asked where there are none. The model here
# repeats what it is sent, so that this runs anywhere: put your own in its place.

# %%
model = ParrotFakeChatModel()
prompt = ChatPromptTemplate.from_template(
    "次の引用だけを使って、番号を付けて答えてください。\n{quotes}\n質問: {question}"
)


def numbered(given: dict[str, Any]) -> str:
    """Lay the quotes out for the prompt."""
    documents: list[Document] = given["evidence"]
    return "\n".join(f"[{d.metadata['rank']}] {d.page_content}" for d in documents)


def decline(_: dict[str, Any]) -> str:
    """Say so, where there is nothing to quote."""
    return "資料には記載がありません。"


write = RunnablePassthrough.assign(quotes=numbered) | prompt | model | StrOutputParser()
chain = RunnablePassthrough.assign(evidence=itemgetter("question") | evidence) | RunnableBranch(
    (itemgetter("evidence"), write), RunnableLambda(decline)
)
print(chain.invoke({"question": "酒田市の外部人材について教えて"}))
print(chain.invoke({"question": "水族館の入場料はいくらですか"}))

"""dxqa: offline semantic search and cited answers, in Japanese, over local-government DX cases.

>>> from dxqa import Index
>>> index = Index.build("corpus/")
>>> print(index.ask("市長が最高デジタル責任者を務めている市は？").text)
"""

from dxqa.errors import DxqaError
from dxqa.index import Index
from dxqa.types import Answer, Document

__all__ = ["Answer", "Document", "DxqaError", "Index"]

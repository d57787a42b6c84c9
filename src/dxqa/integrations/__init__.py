"""dxqa inside other frameworks, each behind an extra of its own: ``langchain``, ``llamaindex``.

>>> from dxqa.integrations.langchain import DxqaRetriever
>>> DxqaRetriever.from_folder("index/", k=5).invoke("外部人材を活用している市は？")
"""

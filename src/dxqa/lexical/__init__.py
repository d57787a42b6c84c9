"""The lexical side of search: BM25 over the terms of passages, on disk and memory-mapped."""

from dxqa.lexical.hashes import term_hashes
from dxqa.lexical.index import Concept, LexicalIndex
from dxqa.lexical.writer import CHAMPIONS, frequency_part

__all__ = ["CHAMPIONS", "Concept", "LexicalIndex", "frequency_part", "term_hashes"]

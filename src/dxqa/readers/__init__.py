"""Corpus files to Documents, and Documents to Sections."""

from dxqa.readers.corpus import Corpus, Skipped, read_corpus
from dxqa.readers.outline import Outline, outline

__all__ = ["Corpus", "Outline", "Skipped", "outline", "read_corpus"]

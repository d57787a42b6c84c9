"""Corpus files to Documents, and Documents to Sections."""

from dxqa.readers.corpus import Corpus, Skipped, corpus_files, read_corpus
from dxqa.readers.outline import Outline, outline

__all__ = ["Corpus", "Outline", "Skipped", "corpus_files", "outline", "read_corpus"]

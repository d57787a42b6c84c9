"""The second half of the question line: Retrieval to evidence to Answer."""

from dxqa.answering.compose import compose
from dxqa.answering.verifier import Verifier, load_verifier
from dxqa.answering.writer import Writer

__all__ = ["Verifier", "Writer", "compose", "load_verifier"]

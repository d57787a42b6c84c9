"""Japanese text as officials write it: one normal form, and figures, years and names in it."""

from dxqa.japanese.normalize import Normalized, normalize
from dxqa.japanese.places import PREFECTURES, REGIONS, Place, parse_place
from dxqa.japanese.quantities import Quantity, find_quantities
from dxqa.japanese.sentences import split_sentences

__all__ = [
    "PREFECTURES",
    "REGIONS",
    "Normalized",
    "Place",
    "Quantity",
    "find_quantities",
    "normalize",
    "parse_place",
    "split_sentences",
]

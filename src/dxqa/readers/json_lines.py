"""JSON Lines: a document a line, with ``text`` and, if given, ``id``, ``title`` and metadata."""

import json
from collections.abc import Mapping
from pathlib import Path

from dxqa.errors import CorpusError
from dxqa.readers.encoding import decode
from dxqa.readers.extracted import clean
from dxqa.readers.frontmatter import scalars
from dxqa.readers.reading import Extract, Loss, Reading

_LONGEST_LINE = 10 * 2**20
_OWN = ("id", "title", "text", "metadata")


def read(path: Path) -> Reading:
    """Read all lines; wrong ones are reported by number, the others kept.

    Raises:
        CorpusError: not text, or no line can be read.
    """
    extracts: dict[str, Extract] = {}
    losses: list[Loss] = []
    for number, line in enumerate(decode(path.read_bytes()).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            extract = _extract(line, number)
            if extract.key in extracts:
                raise CorpusError(f"id が前の行と重なっています: {extract.key}")  # noqa: TRY301
            extracts[extract.key] = extract
        except CorpusError as error:
            losses.append(Loss(f"{number}行目", str(error)))
    if not extracts:
        raise CorpusError(f"読める行がありません ({losses[0].part}: {losses[0].reason})")
    return Reading(tuple(extracts.values()), tuple(losses))


def _extract(line: str, number: int) -> Extract:
    if len(line) > _LONGEST_LINE:
        raise CorpusError(f"1 行が長すぎます ({_LONGEST_LINE // 2**20} MB まで)")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        column = f" ({error.colno} 文字目)" if isinstance(error, json.JSONDecodeError) else ""
        raise CorpusError(f"JSON として読めません{column}") from error
    if not isinstance(record, dict):
        raise CorpusError('{"text": "…"} の形になっていません')
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        raise CorpusError("text (本文) がないか、文字列ではありません")
    return Extract(clean(text), _title(record), _metadata(record), _key(record, number))


def _key(record: Mapping[str, object], number: int) -> str:
    key = record.get("id")
    if key is None:
        return f"{number}行目"
    if isinstance(key, bool) or not isinstance(key, str | int) or not str(key).strip():
        raise CorpusError("id が文字列でも整数でもありません")
    return clean(str(key)).strip()


def _title(record: Mapping[str, object]) -> str:
    title = record.get("title")
    return " ".join(clean(str(title)).split()) if title is not None else ""


def _metadata(record: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    nested = record.get("metadata")
    if nested is not None and not isinstance(nested, dict):
        raise CorpusError("metadata が {…} の形になっていません")
    return scalars({**{k: v for k, v in record.items() if k not in _OWN}, **(nested or {})})

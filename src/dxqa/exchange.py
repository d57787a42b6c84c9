"""What other tools read and write: the JSON of answers and hits, and question files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dxqa.errors import QuestionError
from dxqa.types import Answer, Case, Citation, Hit, Passage


def answer_json(answer: Answer) -> dict[str, Any]:
    """The contract's form of an answer."""
    return {
        "question": answer.question,
        "answered": answer.answered,
        "kind": answer.kind,
        "confidence": answer.confidence,
        "text": answer.text,
        "citations": [_citation(citation) for citation in answer.citations],
        "timings_ms": dict(answer.timings_ms),
    }


def case_json(case: Case) -> dict[str, Any]:
    """A case at a glance; ``summary`` has the form of a citation, or is null."""
    return {
        "name": case.name,
        "prefecture": case.prefecture,
        "kind": case.kind,
        "population": case.population,
        "summary": _citation(case.summary) if case.summary else None,
        "aspects": list(case.aspects),
    }


def statements_json(answer: Answer) -> list[dict[str, Any]]:
    """The statements of an answer in order; ``numbers`` is empty where nothing is told."""
    return [
        {"label": part.label, "aspect": s.aspect, "text": s.text, "numbers": list(s.numbers)}
        for part in answer.parts
        for s in part.statements
    ]


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        **_passage(citation.passage),
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """The contract's form of a hit."""
    return {
        "rank": hit.rank,
        "score": hit.score,
        **_passage(hit.passage),
        "text": hit.passage.text,
        "start": hit.passage.start,
        "end": hit.passage.end,
    }


def _passage(passage: Passage) -> dict[str, Any]:
    return {
        "passage_id": passage.passage_id,
        "doc_id": passage.doc_id,
        "heading_path": list(passage.heading_path),
        "municipality": passage.municipality,
    }


def read_questions(path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a question file.

    Raises:
        QuestionError: the file is missing, or a line is not an object with a ``question``.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(
            f"質問ファイルを読めません: {path}。場所と文字コード (UTF-8) を確認してください。"
        ) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _question_row(path, number, line)


def _question_row(path: str, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or not isinstance(row.get("question"), str):
        raise QuestionError(
            f'{path} の {number} 行目が {{"id": …, "question": …}} の形ではありません。'
        )
    return row

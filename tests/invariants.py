"""What holds of every answer, whatever was asked of whatever corpus."""

import re

from dxqa import Answer, Index
from dxqa.answering.draft import NOT_SAID
from dxqa.japanese import find_quantities


def check_invariants(answer: Answer, index: Index) -> None:
    """Every quote stands at its offsets, every claim is cited, every figure is in its evidence."""
    by_number = {citation.number: citation for citation in answer.citations}
    for citation in answer.citations:
        document = index.store.documents[citation.passage.doc_id]
        assert document.text[citation.start : citation.end] == citation.quote
        assert citation.passage.start <= citation.start < citation.end <= citation.passage.end
        assert citation.passage in index.store.passages
    cited = [int(n) for n in re.findall(r"\[(\d+)\]", answer.text)]
    assert set(cited) == set(by_number)
    for line in answer.text.splitlines() if answer.answered else ():
        if not line.startswith("・") or line.endswith(NOT_SAID):
            continue
        numbers = [int(n) for n in re.findall(r"\[(\d+)\]", line)]
        assert numbers, line
        said = {q.term for q in find_quantities(re.sub(r"\[\d+\]", "", line))}
        held = {q.term for n in numbers for q in find_quantities(by_number[n].quote)}
        assert said <= held, line
    counted = re.search(r"次の([0-9]+)(?:自治体|件)", answer.lead)
    if counted:
        assert int(counted[1]) == len(answer.parts)
    assert 0 <= answer.confidence <= 1
    if not answer.answered:
        assert answer.citations == ()

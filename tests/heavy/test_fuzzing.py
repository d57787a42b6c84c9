"""A bounded round of fuzzing: every target for some seconds, and the running server.

``python -m tests.fuzz`` and ``python -m tests.fuzz.http`` do more of the same; docs/reliability.md
says what came of it. Three minutes on a quiet machine of two cores.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.__main__ import fuzzed
from tests.fuzz.http import attack, is_well, log_faults, served
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.heavy

_SECONDS = 3
_REQUESTS = 300


def test_fuzzing_finds_nothing(tmp_path: Path) -> None:
    if find_spec("atheris") is None:
        message = "atheris is not installed: pip install -e '.[fuzz]'"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    figures = dict(fuzzed(list(TARGETS), tmp_path, seconds=_SECONDS))
    assert figures.keys() == TARGETS.keys()
    assert {name: told["findings"] for name, told in figures.items() if told["findings"]} == {}
    assert all(told["inputs"] > 0 and told["edges"] > 0 for told in figures.values())


def test_hostile_requests_are_all_answered(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        findings = attack(url, range(_REQUESTS))
        assert is_well(url)
    assert dict(findings) == {}, findings.seeds
    (log,) = tmp_path.glob("server-*.log")
    assert log_faults(log) == []

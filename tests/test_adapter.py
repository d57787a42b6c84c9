"""The adapter for questions and the data that it was trained on."""

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from dxqa.encoders import BASE_NAME, fingerprint, load_encoder
from dxqa.encoders.adapter import merge, read_updates, write_updates
from dxqa.types import Encoder
from tests.conftest import ROOT, shared

sys.path.insert(0, str(ROOT / "training"))

import check
import pairs

ADAPTER = ROOT / "src/dxqa/data/adapter.safetensors"


def test_a_written_adapter_is_read_back() -> None:
    wanted = {"encoder.layer.3.output.dense": (torch.ones(2, 3), torch.full((4, 2), 0.5))}
    found = read_updates(write_updates(wanted, {"seed": "0"}))
    down, up = found["encoder.layer.3.output.dense"]
    assert torch.equal(down.float(), torch.ones(2, 3))
    assert torch.equal(up.float(), torch.full((4, 2), 0.5))


def test_merging_adds_the_product_to_the_weight() -> None:
    layer = nn.Linear(3, 4)
    before = layer.weight.detach().clone()
    merge(nn.Sequential(layer), {"0": (torch.ones(2, 3), torch.full((4, 2), 0.5))})
    assert torch.allclose(layer.weight, before + 1.0)


def test_passages_keep_their_vectors_and_questions_move(encoder: Encoder) -> None:
    base = load_encoder(BASE_NAME)
    texts = ["町でいちばん偉い人が旗を振ってるとこ", "市長がCDOを務めている。"]
    assert np.array_equal(encoder.encode_passages(texts), base.encode_passages(texts))
    cosines = (encoder.encode_queries(texts) * base.encode_queries(texts)).sum(axis=1)
    assert (cosines < 0.999).all()
    assert (cosines > 0.7).all()
    assert encoder.fingerprint == fingerprint() != base.fingerprint


def test_the_file_is_small_and_is_the_one_that_its_card_describes() -> None:
    assert ADAPTER.stat().st_size < 5_000_000
    card = (ROOT / "src/dxqa/data/adapter.md").read_text("utf-8")
    stated = re.search(r"[0-9a-f]{64}", card)
    assert stated is not None
    assert stated.group() == hashlib.sha256(ADAPTER.read_bytes()).hexdigest()


def test_it_was_trained_on_the_data_that_is_here() -> None:
    with safe_open(ADAPTER, "pt") as file:
        about = json.loads(file.metadata()["about"])
    content = b"".join(path.read_bytes() for path in sorted(pairs.DATA.glob("*.jsonl")))
    assert about["data"] == hashlib.sha256(content).hexdigest()


def test_the_training_data_are_many_and_distinct() -> None:
    groups = list(pairs.read_groups())
    questions = [q.text for g in groups for q in g.questions]
    assert len(questions) == len(set(questions))
    assert sum(len(q.answers) for g in groups for q in g.questions) >= 4000
    assert {g.topic for g in groups} >= pairs.HELD_BACK


def test_the_training_data_share_no_text_with_what_is_measured() -> None:
    shared("eval/dev_questions.jsonl")
    assert check.contamination(list(pairs.read_groups())) == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"answers": ["z.0"]}, "z"),
        ({"answers": ["a.7"]}, "a.7"),
        ({"answers": []}, "no answer"),
        ({"type": "sung"}, "sung"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, change: dict[str, object], named: str) -> None:
    row = {
        "topic": "t",
        "theme": "t",
        "passages": [{"id": "a", "municipality": "", "heading": "h", "sentences": ["s。"]}],
        "questions": [{"question": "q", "type": "terse", "answers": ["a.0"], **change}],
    }
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    with pytest.raises(ValueError, match=rf"x\.jsonl:1: .*{named}"):
        list(pairs.read_groups(path))

"""The verifier: what answers a question, told from what is only about the same thing."""

import hashlib
import re
import sys
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from dxqa import Index
from dxqa.answering.verifier import Verifier, digest, load_verifier, logit
from dxqa.encoders import BASE_NAME, load_encoder
from dxqa.types import Encoder, Progress, TokenStates, Vectors
from tests.conftest import ROOT, HashEncoder

sys.path.insert(0, str(ROOT / "training"))

import check
import pairs
import verify


def _random_states(tokens: int) -> TokenStates:
    states = np.random.default_rng(tokens).normal(size=(tokens, 384))
    return states.astype(np.float32)


def test_it_computes_what_was_trained() -> None:
    torch.manual_seed(0)
    net = verify.Net(torch.randn(384)).eval()
    weights = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    asked, told = _random_states(5), [_random_states(n) for n in (3, 8, 11)]
    items = [verify.Item(torch.tensor(asked), "fact", 0, frozenset(), held_back=False)]
    bank = verify.Bank([torch.tensor(t) for t in told], torch.empty(0), {}, torch.empty(0))
    with torch.no_grad():
        expected = verify.logits(net, items, [[0, 1, 2]], bank)[0]
    found = [logit(asked, states, weights) for states in told]
    assert found == pytest.approx(expected.tolist(), abs=1e-3)


class CountingEncoder:
    """The bundled encoder, counting the sentences whose tokens it is asked for."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name, self.dimension = encoder.name, encoder.dimension
        self.fingerprint = encoder.fingerprint
        self.asked: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        return self.encoder.encode_passages(texts, progress)

    def query_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        found: list[TokenStates] = self.encoder.query_tokens(texts)  # type: ignore[attr-defined]
        return found

    def passage_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        self.asked += texts
        found: list[TokenStates] = self.encoder.passage_tokens(texts)  # type: ignore[attr-defined]
        return found


def test_a_sentence_is_encoded_once(encoder: Encoder) -> None:
    counting = CountingEncoder(encoder)
    verifier = load_verifier(counting)
    assert isinstance(verifier, Verifier)
    first = verifier.logits("満足度は？", ["満足度は95%である。", "派遣は県の負担である。"])
    again = verifier.logits("満足度は？", ["派遣は県の負担である。", "満足度は95%である。"])
    assert first == pytest.approx(again[::-1])
    assert len(counting.asked) == 2


@pytest.mark.parametrize(
    ("question", "telling", "near"),
    [
        (
            "白鷺町の窓口予約の利用者は何人？",
            "窓口予約の利用者は、令和5年度に1,240人となった。",
            "窓口予約は、住民課と税務課の2つの課で始めた。",
        ),
        (
            "書かない窓口の費用はいくら？",
            "書かない窓口の導入費用は380万円で、半分は国の交付金で賄った。",
            "書かない窓口により、来庁者が申請書に記入する手間がなくなった。",
        ),
    ],
)
def test_what_tells_stands_above_what_is_near(
    encoder: Encoder, question: str, telling: str, near: str
) -> None:
    verifier = load_verifier(encoder)
    assert verifier is not None
    found = verifier.logits(question, [f"白鷺町 窓口\n{text}" for text in (telling, near)])
    assert found[0] > found[1]


def test_only_for_the_encoder_that_it_was_trained_with(encoder: Encoder) -> None:
    assert load_verifier(encoder) is not None
    assert load_verifier(load_encoder(BASE_NAME)) is None
    assert load_verifier(HashEncoder()) is None


def test_tokens_average_to_the_vector(encoder: Encoder) -> None:
    text = "財源はどこから？"
    mean = encoder.query_tokens([text])[0].mean(axis=0)  # type: ignore[attr-defined]
    unit = mean / np.linalg.norm(mean)
    assert float(unit @ encoder.encode_queries([text])[0]) > 0.999


def test_an_index_of_another_encoder_answers_without_it() -> None:
    index = Index.build(ROOT / "corpus", encoder=HashEncoder())
    assert index.verifier is None
    assert index.ask("福島県のアドバイザー派遣の満足度は？").kind in ("fact", "declined")


def test_the_file_is_the_one_that_its_card_describes() -> None:
    card = (ROOT / "src/dxqa/data/verifier.md").read_text("utf-8")
    stated = re.search(r"[0-9a-f]{64}", card)
    assert stated is not None
    assert stated.group() == digest()
    content = (ROOT / "training/unanswerable.jsonl").read_bytes()
    assert hashlib.sha256(content).hexdigest() in card


def test_near_misses_belong_to_the_groups_and_are_their_own() -> None:
    groups = {(g.topic, g.theme): g for g in pairs.read_groups()}
    near_misses = list(pairs.read_unanswerable())
    for near in near_misses:
        passage = groups[near.topic, near.theme].passages[near.near[0]]
        assert near.near[1] < len(passage.sentences)
    asked = {near.text for near in near_misses}
    assert len(asked) == len(near_misses)
    assert not asked & {q.text for g in groups.values() for q in g.questions}
    measured = {gram for text in check.measured_texts() for gram in check.grams(text)}
    assert not [text for text in asked if measured.intersection(check.grams(text))]

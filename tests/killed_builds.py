"""Builds killed with SIGKILL at random moments: is the index always the old one or the new one?

    python -m tests.killed_builds [--builds 200] [--seed 0]

Each round changes the corpus, begins a build of it in a process of its own and kills that at a
random moment. Then the index has to be whole (every checksum), and to answer as the one before did
or as a fresh build of the new corpus does; and the next build has to go on without embedding again
what the killed one had. The encoder is the tests' (deterministic, fast), slowed down so that the
moments fall into the embedding as well as into the writing.
"""

import argparse
import multiprocessing
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from dxqa import Index
from dxqa.keys import key_of
from dxqa.readers import read_corpus
from dxqa.store import Source, Target, build_index, load, verify
from dxqa.store.vectors import Journal
from dxqa.types import Progress, Vectors
from tests.conftest import HashEncoder

FILES = 20
SECTIONS = 6
TOWNS = ("川上村", "山下町", "海辺市", "森田町", "野原市")
QUESTIONS = ("川上村の窓口は？", "費用を負担するのは？", "第3号の取り組みは？", "海辺市の体制は？")


class SlowEncoder(HashEncoder):
    """The tests' encoder, with the time that a model takes."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[bytes] = set()

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), 64)``; remembers what it was asked for."""
        self.keys.update(map(key_of, texts))
        time.sleep(0.0005 * len(texts))
        return super().encode_passages(texts, progress)


def write_file(corpus: Path, number: int, version: int) -> None:
    """Write one document; its sections say which version it is of."""
    town = TOWNS[number % len(TOWNS)]
    body = "\n\n".join(
        f"## 取り組み{at}\n\n{town}は第{number}号の取り組み{at}を進めた。"
        f"費用{version * 10 + at}万円は県が負担する。窓口{at}を減らした。"
        for at in range(SECTIONS)
    )
    front = f"---\nmunicipality: 長野県{town}\n---\n"
    (corpus / f"{number:02}.md").write_text(f"{front}# {town}の事例{number}\n\n{body}\n", "utf-8")


def signature(index: Index) -> tuple[object, ...]:
    """What an index is and answers, to compare two."""
    answers = [index.ask(question) for question in QUESTIONS]
    return (
        tuple((p.passage_id, p.text) for p in index.store.passages),
        tuple((a.kind, a.text) for a in answers),
    )


def fresh(corpus: Path) -> tuple[object, ...]:
    """Return the signature of an index built from nothing."""
    found = read_corpus(corpus)
    encoder = HashEncoder()
    store, _ = build_index(Target(), Source(found.documents, {}, {}), encoder)
    return signature(Index(store, encoder))


def build(corpus: Path, folder: Path, encoder: SlowEncoder) -> Index:
    """Build as ``dxqa build`` does."""
    previous = Index(load(folder), encoder) if (folder / "manifest.json").exists() else None
    return Index.build(corpus, encoder=encoder, folder=folder, previous=previous)


def journaled(folder: Path) -> set[bytes]:
    """Return the keys of what a killed build had embedded."""
    paths = list(folder.glob("*.journal"))
    return {bytes(k) for path in paths for k in Journal(path, SlowEncoder.dimension).keys}


def build_alone(corpus: Path, folder: Path, begun: Connection) -> None:
    """Build, in a process that is to be killed; say so first."""
    begun.send_bytes(b"begun")
    build(corpus, folder, SlowEncoder())


def kill_one(corpus: Path, folder: Path, after_s: float) -> bool:
    """Begin a build in another process and kill it; return whether it was still at work."""
    # Not forked from here: threads of OpenMP, which a fork does not copy, would be waited for.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dxqa.index", "tests.conftest"])
    here, there = context.Pipe()
    child = context.Process(target=build_alone, args=(corpus, folder, there))
    child.start()
    here.recv_bytes()
    time.sleep(after_s)
    child.kill()
    child.join()
    return child.exitcode == -signal.SIGKILL


def change(corpus: Path, chance: random.Random, version: int) -> None:
    """Edit some files, and now and then remove or add one."""
    for number in chance.sample(range(FILES), 8):
        write_file(corpus, number, version)
    victim = corpus / f"{chance.randrange(FILES):02}.md"
    if chance.random() < 0.2:
        victim.unlink(missing_ok=True)


def run(builds: int, seed: int) -> Counter[str]:
    """Kill so many builds and count what came of them."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        corpus, folder = Path(name, "corpus"), Path(name, "index")
        corpus.mkdir()
        for number in range(FILES):
            write_file(corpus, number, 0)
        before = signature(build(corpus, folder, SlowEncoder()))
        change(corpus, chance, 1)
        start = time.perf_counter()
        before = signature(build(corpus, folder, SlowEncoder()))
        usual_s = time.perf_counter() - start
        for version in range(2, builds + 2):
            change(corpus, chance, version)
            after = fresh(corpus)
            counts["killed"] += kill_one(corpus, folder, chance.uniform(0, 1.5 * usual_s))
            verify(folder)
            left = signature(Index.load(folder, encoder=HashEncoder()))
            counts["the old index" if left == before else "the new index"] += left in (
                before,
                after,
            )
            counts["lost or corrupt"] += left not in (before, after)
            done, encoder = journaled(folder), SlowEncoder()
            counts["gone on with a journal"] += bool(done)
            before = signature(build(corpus, folder, encoder))
            counts["texts embedded again"] += len(done & encoder.keys)
            counts["next build wrong"] += before != after
            counts["left behind"] += len(list(folder.glob("generation-*"))) - 1
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for what, count in run(options.builds, options.seed).items():
        print(f"{what:24} {count}")  # noqa: T201

"""Building an index, as ratios: throughput beside bare ``encode``, rebuilds beside a full build.

    python benchmarks/build.py [--rounds N] [--texts N] [--skip-rebuilds]

Throughput: the passages and sentences of corpus/ and the texts of the tests, encoded by ours as
``dxqa build`` does it, by bare ``SentenceTransformer.encode`` with the same model and each of
several batch sizes, and by txtai where it is installed. The ways take turns; each ratio is that of
the medians, and the bare one is that of the best batch size.

Rebuilds: a folder of a hundred files through the command line: in full, with nothing changed, with
one file changed. What starting the program costs is in all three, and is printed too.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from dxqa.encoders import load_encoder
from dxqa.encoders.bundled import PROMPTS, prepare_bundled
from dxqa.encoders.sentence_transformer import best_dtype, quiet
from dxqa.passages import encoder_text, split_passages
from dxqa.readers import read_corpus
from plots import bars

ROOT = Path(__file__).parents[1]
BATCHES = (8, 16, 32, 64)
BLOCK = 512  # texts, as the build takes them
FILES = 100


def gather(limit: int) -> list[str]:
    """Return the texts that a build of corpus/ embeds, and the questions of the tests."""
    documents = read_corpus(ROOT / "corpus").documents
    passages = [(d, p) for d in documents for p in split_passages(d)]
    texts = [encoder_text(p) for _, p in passages]
    texts += [d.text[start:end] for d, p in passages for start, end in p.sentences]
    for path in sorted((ROOT / "tests/quality").glob("*.jsonl")):
        rows = map(json.loads, path.read_text("utf-8").splitlines())
        texts += [row["question"] for row in rows if "question" in row]
    return list(dict.fromkeys(texts))[:limit]


def ways(texts: Sequence[str]) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name."""
    encoder = load_encoder()
    folder = prepare_bundled()
    bare = SentenceTransformer(str(folder), model_kwargs={"dtype": best_dtype()})
    longest_first = sorted(texts, key=len, reverse=True)

    def ours() -> None:
        for start in range(0, len(texts), BLOCK):
            encoder.encode_passages(longest_first[start : start + BLOCK])

    def bare_with(batch: int) -> Callable[[], object]:
        prompt = PROMPTS["document"]
        return lambda: bare.encode(list(texts), prompt=prompt, batch_size=batch)

    found: dict[str, Callable[[], object]] = {"ours": ours}
    found |= {f"bare, batches of {batch}": bare_with(batch) for batch in BATCHES}
    return found | _txtai(folder, texts)


def _txtai(folder: Path, texts: Sequence[str]) -> dict[str, Callable[[], object]]:
    if find_spec("txtai") is None:
        print("txtai is not installed and left out: pip install txtai")
        return {}
    from txtai import Embeddings  # noqa: PLC0415

    embeddings: Any = Embeddings(
        path=str(folder),
        method="sentence-transformers",
        vectors={"model_kwargs": {"dtype": best_dtype()}},
    )
    return {"txtai": lambda: embeddings.batchtransform(list(texts), "data")}


def throughput(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Measure, print and return texts a second; print the ratio of each way to ours."""
    with quiet():
        measured = ways(texts)
    for run in measured.values():  # warm up
        run()
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, run in measured.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        rate, ratio = len(texts) / median, median / medians["ours"]
        print(f"{name:24}{rate:8.1f} texts/s   ours is {ratio:.2f} times as fast")
    best = min(median for name, median in medians.items() if name.startswith("bare"))
    print(f"throughput ours / best bare encode: {best / medians['ours']:.2f}")
    return {name: len(texts) / median for name, median in medians.items()}


def rebuilds() -> dict[str, float]:
    """Measure, print and return seconds of builds of a hundred files by the command line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "corpus"
        shown = _write_files(folder)
        build = ["-m", "dxqa.cli", "build", "--corpus", str(folder), "--index", f"{name}/index"]
        seconds = {"program start": _time(["-c", "import dxqa.index"])}
        seconds["full"] = _time(build)
        seconds["nothing changed"] = _time(build)
        path = folder / "0.md"
        path.write_text(path.read_text("utf-8") + "\n計測のために一文を加えた。\n", "utf-8")
        seconds["one file changed"] = _time(build)
    print(f"{FILES} files, {shown} characters")
    _print_shares(seconds)
    return seconds


def _write_files(folder: Path) -> int:
    """Write files that share no sentence: those of corpus/ in turn, each line numbered."""
    folder.mkdir()
    sources = sorted((ROOT / "corpus").rglob("*.md"))
    characters = 0
    for number in range(FILES):
        lines = sources[number % len(sources)].read_text("utf-8").splitlines()
        body = [line.replace("。", f"({number})。") for line in lines]
        characters += len("\n".join(body))
        (folder / f"{number}.md").write_text("\n".join(body), "utf-8")
    return characters


def _time(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _print_shares(seconds: Mapping[str, float]) -> None:
    for name, value in seconds.items():
        print(f"{name:24}{value:8.1f} s   {value / seconds['full']:.3f} of the full build")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--skip-rebuilds", action="store_true")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    texts = gather(options.texts)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads")
    print(f"{best_dtype()}, {len(texts)} texts, {sum(map(len, texts))} characters")
    panels = {"texts a second": throughput(texts, options.rounds)}
    if not options.skip_rebuilds:
        panels["seconds"] = rebuilds()
    if options.plot:
        bars(options.plot, panels)


if __name__ == "__main__":
    main()

"""Whether a server's memory stays where it is: thousands of questions, no two of them alike.

    nice -n 5 python benchmarks/endurance.py [--questions N] [--index FOLDER] [--at-a-time N]

One JSON object each thousand questions: memory, threads, open files and bytes on disk of the
server, a ``dxqa serve`` in a process of its own, and how long an answer took.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
from pathlib import Path

import httpx

from dxqa import Index
from serving import ROOT, Served, ask, client, serving

_STEP = 1000
_TOPICS = (
    "推進体制", "財源", "成果", "課題", "外部の人材", "今後の予定", "担当課の電話番号", "人口",
    "職員の研修", "住民へのサービス", "オンライン申請", "窓口の予約", "天気", "給与の平均",
)  # fmt: skip


def main() -> None:
    """Ask, and print what the server takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--index", type=Path, default=ROOT / "index")
    parser.add_argument("--at-a-time", type=int, default=2)
    given = parser.parse_args()
    places = list(Index.load(given.index).store.municipalities)
    with serving(given.index) as served:
        asyncio.run(endure(served, places, given.questions, given.at_a_time))


async def endure(served: Served, places: list[str], most: int, at_a_time: int) -> None:
    """Ask so many questions, a few at a time."""
    numbers = iter(range(most))
    times: list[float] = []
    report(served, 0, times)
    async with client(served) as program:

        async def asking() -> None:
            for number in numbers:
                times.append(await timed(program, question(places, number)))
                if len(times) % _STEP == 0:
                    report(served, len(times), times[-_STEP:])

        await asyncio.gather(*(asking() for _ in range(at_a_time)))


def question(places: list[str], number: int) -> str:
    """Return a question that no other number gives."""
    pairs = list(itertools.product(places, _TOPICS))
    place, topic = pairs[number % len(pairs)]
    return f"{place}の{topic}を、{number + 1}人目の住民に説明してください"


async def timed(program: httpx.AsyncClient, asked: str) -> float:
    """Ask one question, see that it is the one answered, and return the seconds it took."""
    start = time.perf_counter()
    status, answer = await ask(program, asked)
    if status != httpx.codes.OK or answer["question"] != asked:
        raise SystemExit(f"{status}: {answer}")
    return time.perf_counter() - start


def report(served: Served, done: int, times: list[float]) -> None:
    """Print one line."""
    kept = sum(path.stat().st_size for path in served.folder.glob("feedback.db*"))
    left = [path for path in (served.folder / "gradio").rglob("*") if path.is_file()]
    figures = {
        "questions": done,
        "rss_mib": round(served.rss_mib, 1),
        "threads": served.threads,
        "open_files": served.open_files,
        "feedback_mib": round(kept / 2**20, 2),
        "files_of_gradio": len(left),
        "p50_ms": round(statistics.median(times) * 1000) if times else None,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()

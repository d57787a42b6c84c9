"""Many programs at once against a real server: how fast, how fair, and whose answer is whose.

    python benchmarks/load.py rates [--seconds N] [--shares S...] [--index FOLDER] [--plot FILE]
    python benchmarks/load.py fairness [--seconds N] [--index FOLDER]
    python benchmarks/load.py rebuilds [--seconds N] [--index FOLDER]

The load is open: when each question is asked is drawn beforehand (Poisson), whatever becomes of
those before it, and its time counts from then. Rates are shares of what the server answers when two
programs ask without a pause, found at the start of the same run. Every question carries a nonce, in
spaces that change nothing else, so that an answer can be told to be its asker's and nobody else's;
its text must be what ``Index.ask`` says to the same question. Exit status 1 where one is not.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dxqa import Index
from plots import lines
from serving import BUSY, ROOT, Served, apply_changes, ask, client, serving

_TOPICS = ("推進体制は？", "成果を教えてください", "課題は何ですか", "外部の人材はいますか")
_SHARES = (0.25, 0.5, 0.75, 0.9, 1.1, 1.5, 2.0)
_REBUILD_EVERY_S = 30
_MADE_UP = "架空郡時計町"
_ASKED_OF_IT = f"{_MADE_UP}の推進体制は？"
_EDITION = re.compile(r"第(\d+)版")


@dataclass(frozen=True)
class Reply:
    """What became of a question.

    Attributes:
        seconds: since it was due.
        right: whether it is what its asker should be told; an error is not.
    """

    asker: str
    status: int
    seconds: float
    right: bool
    answer: dict[str, Any]


Judge = Callable[[dict[str, Any], str], bool]


def main() -> None:
    """Run one of the three; print JSON objects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["rates", "fairness", "rebuilds"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--shares", type=float, nargs="+", default=_SHARES)
    parser.add_argument("--index", type=Path, default=ROOT / "index")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    expected = answers(Index.load(given.index))
    with serving(given.index) as served:
        run = Run(served, expected)
        ways = {"rates": run.rates, "fairness": run.fairness, "rebuilds": run.rebuilds}
        asyncio.run(ways[given.what](given))
    raise SystemExit(run.wrong)


def answers(index: Index) -> dict[str, str]:
    """Return what ``Index.ask`` says, by question."""
    places = index.store.municipalities
    asked = [f"{place}の{topic}" for place, topic in itertools.product(places, _TOPICS)]
    return {question: index.ask(f"{question} ").text for question in asked}  # spaces as in a nonce


class Run:
    """One run against one server.

    Attributes:
        wrong: 1 once an answer was not its asker's.
    """

    def __init__(self, served: Served, expected: dict[str, str]) -> None:
        """Remember what to ask."""
        self.served = served
        self.expected = expected
        self.wrong = 0
        self._nonces = itertools.count(1)
        self._random = random.Random(0)  # noqa: S311 - the same load each time

    async def rates(self, given: argparse.Namespace) -> None:
        """Print a line a rate."""
        async with client(self.served) as program:
            most = await self.capacity(program)
            found = {}
            for share in given.shares:
                plan = self.plan({"": share * most}, given.seconds)
                replies = await self.asked(program, plan)
                found[share] = summary(replies)
                tell(of_capacity=share, a_second=round(share * most, 1), **found[share])
        if given.plot:
            drawn = {name: {s: f[name] for s, f in found.items()} for name in ("p50", "p95", "p99")}
            refused = {"busy": {s: f["busy_share"] for s, f in found.items()}}
            panels = {"ms from when it was due": drawn, "share that is refused": refused}
            lines(given.plot, panels, "questions, as a share of what can be answered")

    async def fairness(self, given: argparse.Namespace) -> None:
        """Print how nine modest askers fare alone, and beside one who asks three times too much."""
        modest = [f"modest{number}" for number in range(9)]
        async with client(self.served) as program:
            most = await self.capacity(program)
            alone = dict.fromkeys(modest, 0.5 * most / len(modest))
            for greedy in (0.0, 3.0):
                plan = self.plan({**alone, "greedy": greedy * most}, given.seconds)
                replies = await self.asked(program, plan)
                for kind in ("modest", "greedy"):
                    of_kind = [reply for reply in replies if reply.asker.startswith(kind)]
                    if of_kind:
                        tell(greedy=greedy, of=kind, **summary(of_kind))

    async def rebuilds(self, given: argparse.Namespace) -> None:
        """Print how askers fare while a document changes and is put into the index."""
        async with client(self.served) as program:
            most = await self.capacity(program)
            plan = self.plan({"": 0.5 * most}, given.seconds)
            asking = asyncio.create_task(self.asked(program, plan, self.of_its_place))
            editions = await self._rebuild(program, asking)
            replies = await asking
        tell(rebuilds=len(editions), **summary(replies))

    async def _rebuild(self, program: httpx.AsyncClient, asking: asyncio.Task[Any]) -> list[int]:
        """Rebuild until nobody asks; ask meanwhile what the document says that changes."""
        seen = [0]
        for edition in itertools.count(1):
            if asking.done():
                return seen[1:]
            text = f"# {_MADE_UP}\n\n## 推進体制\n\n{_MADE_UP}の推進体制は、第{edition}版である。\n"
            (self.served.folder / "corpus" / "clock.md").write_text(text, "utf-8")
            await apply_changes(self.served)
            until = time.monotonic() + _REBUILD_EVERY_S
            while time.monotonic() < until and not asking.done():
                status, answer = await ask(program, _ASKED_OF_IT)
                told = _EDITION.search(answer.get("text", ""))
                now = int(told[1]) if told else 0
                if status != httpx.codes.OK or now not in (edition - 1, edition) or now < seen[-1]:
                    self.wrong = 1
                    tell(edition=edition, told=now, status=status)
                if now > seen[-1]:
                    seen.append(now)
                await asyncio.sleep(1)
        raise AssertionError

    async def capacity(self, program: httpx.AsyncClient) -> float:
        """Return how many questions a second two programs have answered that do not pause."""
        start, count = time.perf_counter(), 0

        async def asking() -> None:
            nonlocal count
            while time.perf_counter() - start < 10:  # noqa: PLR2004 - seconds
                await self.one(program, self._question(), time.perf_counter())
                count += 1

        await asyncio.gather(asking(), asking())
        found = count / (time.perf_counter() - start)
        load = round(os.getloadavg()[0], 1)
        tell(answered_a_second=round(found, 1), cores=os.cpu_count(), load_average=load)
        return found

    def plan(self, rates: dict[str, float], seconds: float) -> list[tuple[float, str, str]]:
        """Draw when who asks what."""
        planned = []
        for asker, rate in rates.items():
            due = 0.0
            while rate and (due := due + self._random.expovariate(rate)) < seconds:
                planned.append((due, asker, self._question()))
        return sorted(planned)

    def _question(self) -> str:
        bits = f"{next(self._nonces):020b}"
        nonce = bits.replace("0", " ").replace("1", "\u3000")
        return self._random.choice(list(self.expected)) + nonce

    async def asked(
        self,
        program: httpx.AsyncClient,
        plan: Sequence[tuple[float, str, str]],
        judge: Judge | None = None,
    ) -> list[Reply]:
        """Ask each question when it is due, whatever became of the others."""
        start = time.perf_counter()

        async def when_due(due: float, asker: str, question: str) -> Reply:
            await asyncio.sleep(start + due - time.perf_counter())
            return await self.one(program, question, start + due, asker, judge or self.as_expected)

        return list(await asyncio.gather(*(when_due(*planned) for planned in plan)))

    async def one(
        self,
        program: httpx.AsyncClient,
        question: str,
        due: float,
        asker: str = "",
        judge: Judge | None = None,
    ) -> Reply:
        """Ask one question."""
        status, answer = await ask(program, question, asker=asker)
        seconds = time.perf_counter() - due
        right = status == httpx.codes.OK and (judge or self.as_expected)(answer, question)
        if not right and status != BUSY:
            self.wrong = 1
            tell(asked=question, status=status, told=answer)
        return Reply(asker, status, seconds, right, answer)

    def as_expected(self, answer: dict[str, Any], question: str) -> bool:
        """Whether it is the answer to this very question."""
        return bool(
            answer["question"] == question and answer["text"] == self.expected[question.strip()]
        )

    def of_its_place(self, answer: dict[str, Any], question: str) -> bool:
        """Whether it is an answer to it, of an index in which figures may differ a little."""
        places = {citation["municipality"] for citation in answer["citations"]}
        own = {place for place in places if place and place in question}
        return bool(answer["question"] == question and (own or not answer["answered"]))


def summary(replies: Sequence[Reply]) -> dict[str, Any]:
    """Return figures in milliseconds; times are of those answered."""
    told = sorted(reply.seconds for reply in replies if reply.status == httpx.codes.OK)
    busy = sum(reply.status == BUSY for reply in replies)
    return {
        "questions": len(replies),
        "answered": len(told),
        "busy_share": round(busy / len(replies), 3),
        "errors": len(replies) - len(told) - busy,
        "not_its_askers": sum(
            not reply.right for reply in replies if reply.status == httpx.codes.OK
        ),
    } | {
        f"p{percent}": round(told[min(len(told) - 1, len(told) * percent // 100)] * 1000)
        for percent in (50, 95, 99)
        if told
    }


def tell(**figures: object) -> None:
    """Print one line."""
    print(json.dumps(figures, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()

"""Hostile requests to the real server: ``python -m tests.fuzz.http --requests N``.

Each is answered in time, by no traceback and nothing of the file system; afterwards the server is
well, and its log is JSON without a question's words.
"""

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from dxqa import Index
from tests.e2e.browser import serving
from tests.fuzz.requests import MARK, Sent, request_of

PATIENCE_S = 60.0
_WORKERS = 4
_LISTENING_S = 15.0
_OUTSIDE = ("root:x:0:", "[build-system]", '"fingerprint"', "PATH=/", "scrypt$")
"""Of files that are nobody's business: /etc/passwd, pyproject.toml, a manifest, the environment."""
_INSIDE = ("Traceback (most recent", "site-packages", 'File "')


class Findings(Counter[str]):
    """What was wrong, with the first seed of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds: dict[str, int] = {}
        self.statuses: Counter[int] = Counter()
        self.slowest = (0.0, -1)

    def note(self, what: str, seed: int) -> None:
        self[what] += 1
        self.seeds.setdefault(what, seed)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the corpus, ready to answer; questions are kept out of the log as by default."""
    Index.build("corpus", folder=folder / "index")
    shutil.copytree("corpus", folder / "corpus")
    with (
        contextlib.redirect_stdout(io.StringIO()),
        serving(folder / "index", "--corpus", str(folder / "corpus")) as url,
    ):
        deadline = time.monotonic() + 240
        while httpx.get(f"{url}health", timeout=PATIENCE_S).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield url


def attack(url: str, seeds: range) -> Findings:
    """Send the requests of these seeds, a few at a time."""
    findings = Findings()
    clients = threading.local()

    def send(seed: int) -> None:
        if not hasattr(clients, "client"):
            clients.client = httpx.Client(timeout=PATIENCE_S)
        begun = time.monotonic()
        try:
            _send(clients.client, url, request_of(seed), seed, findings)
        except httpx.TransportError as error:
            findings.note(f"no answer: {type(error).__name__}", seed)
        findings.slowest = max(findings.slowest, (time.monotonic() - begun, seed))

    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(send, seeds))
    return findings


def _send(client: httpx.Client, url: str, sent: Sent, seed: int, findings: Findings) -> None:
    headers = {"content-type": sent.content_type} if sent.content_type else {}
    target = httpx.URL(url).copy_with(raw_path=b"/" + quote(sent.path, safe="/%?=&:.\\#").encode())
    request = client.build_request(sent.method, target, content=sent.body, headers=headers)
    reply = client.send(request, stream=True)
    try:
        _take(reply)
    finally:
        reply.close()
    findings.statuses[reply.status_code] += 1
    _look(reply.text, seed, findings)
    if reply.status_code >= 500 and not _explained(reply):
        findings.note(f"{reply.status_code} without a word: {_place(sent)}", seed)
    if sent.listens and reply.status_code == 200:
        told = reply.json()
        at = sent.listens if "?" in sent.listens else f"{sent.listens}/{told['event_id']}"
        _look(_listened(client, f"{url}{at}"), seed, findings)


def _take(reply: httpx.Response) -> None:
    """Read a reply; of what streams without end, such as a heartbeat, what comes in time."""
    begun = time.monotonic()
    parts = []
    for part in reply.iter_bytes():
        parts.append(part)
        if time.monotonic() - begun > _LISTENING_S:
            break
    reply._content = b"".join(parts)  # what read() keeps, and text and json() look at


def _listened(client: httpx.Client, address: str) -> str:
    """Return the events of one call, until it is done."""
    heard = ""
    begun = time.monotonic()
    with client.stream("GET", address) as events:
        for line in events.iter_lines():
            heard += line + "\n"
            done = any(
                mark in line for mark in ("process_completed", "event: complete", "event: error")
            )
            if done or "close_stream" in line:
                break
            if time.monotonic() - begun > _LISTENING_S:
                return heard + "Traceback (most recent: it never ended"
    return heard


def _explained(reply: httpx.Response) -> bool:
    try:
        told = reply.json()
    except ValueError:
        return False
    # Gradio's own refusals say {"error": null}.
    return isinstance(told, dict) and bool({"error", "detail"} & told.keys())


def _look(text: str, seed: int, findings: Findings) -> None:
    for mark in (*_OUTSIDE, *_INSIDE):
        if mark in text:
            findings.note(f"shows {mark!r}", seed)


def _place(sent: Sent) -> str:
    return f"{sent.method} /{'/'.join(sent.path.split('?')[0].split('/')[:3])[:40]}"


def is_well(url: str) -> bool:
    """Whether the server answers a question as it should."""
    data = {"data": ["都城市の推進体制は？", None, None]}
    reply = httpx.post(f"{url}gradio_api/run/ask", json=data, timeout=PATIENCE_S)
    answer = reply.json()["data"][0]
    return (
        bool(answer["answered"])
        and httpx.get(f"{url}health", timeout=PATIENCE_S).status_code == 200
    )


def log_faults(log: Path) -> list[str]:
    """Return the lines of a log that are no JSON, or that tell what was asked."""
    lines = log.read_text("utf-8").splitlines()
    return [line for line in lines if MARK in line or not _is_json(line)]


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def main() -> int:
    """Attack a server of our own and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.http", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dxqa-http-"))
    with served(folder) as url:
        findings = attack(url, range(told.first, told.first + told.requests))
        well = is_well(url)
    faults = [fault for log in folder.glob("server-*.log") for fault in log_faults(log)]
    print(f"{told.requests:,} requests; statuses {dict(sorted(findings.statuses.items()))}")
    print(f"slowest {findings.slowest[0]:.1f} s (seed {findings.slowest[1]}); well after: {well}")
    print(f"log lines at fault: {len(faults)} {faults[:3]}; {folder}")
    for what, count in findings.most_common():
        print(f"  {count:>5} {what} (seed {findings.seeds[what]})")
    return 1 if findings or faults or not well else 0


if __name__ == "__main__":
    sys.exit(main())

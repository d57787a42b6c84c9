"""Who may do what, at the level of HTTP: the page as it is served, with and without rights."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dxqa.web.feedback import Feedback, FeedbackStore
from dxqa.web.passwords import PasswordHash
from tests.e2e.browser import serving

NAME, PASSWORD, ADMIN = "hanako", "ひらけごま", "つくえのうえ"
SECRET = "隣の町の名簿はどこにありますか"  # noqa: S105 - a question that was kept
SESSION = "past-the-page"
OPEN_TO_ALL = {
    "/health",
    # To ask for a password, and what the page that asks is made of:
    "/",
    "/assets/{path:path}",
    "/favicon.ico",
    "/gradio_api/app_id",
    "/gradio_api/app_id/",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
    "/login",
    "/login/",
    "/logout",
    "/manifest.json",
    "/pwa_icon",
    "/pwa_icon/{size}",
    "/robots.txt",
    "/static/{path:path}",
    "/svelte/{path:path}",
    "/theme.css",
    # Who asks, by the asker's own cookie:
    "/gradio_api/token",
    "/gradio_api/token/",
    "/gradio_api/user",
    "/gradio_api/user/",
    # What is known by a random name only: a session that lives while this is open, and stopping.
    "/gradio_api/cancel",
    "/gradio_api/heartbeat/{session_hash}",
    "/gradio_api/reset",
    "/gradio_api/reset/",
}
"""Routes that answer who has not logged in. One that is not among them, after an update of Gradio
say, fails the test: look at what it tells before it is put here."""


@dataclass
class Served:
    """A page that asks for a password, with another one for what changes documents."""

    url: str
    folder: Path

    @contextmanager
    def client(self, **login: str) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            if login:
                assert client.post("login", data=login).status_code == 200
            yield client

    @property
    def log(self) -> str:
        [path] = self.folder.glob("server-*.log")
        return path.read_text("utf-8")

    @property
    def records(self) -> list[Feedback]:
        return FeedbackStore(self.folder / "feedback.db").newest()

    @property
    def files(self) -> list[str]:
        return sorted(str(path) for path in (self.folder / "corpus").rglob("*"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("access")
    uploads = folder / "corpus" / "uploads"
    uploads.mkdir(parents=True)
    (uploads / "mine.md").write_text("# 架空町\n\n架空町は窓口を減らした。\n", "utf-8")
    (folder / "users").write_text(f"{NAME}:{PasswordHash.of(PASSWORD)}\n", "utf-8")
    (folder / "admin").write_text(str(PasswordHash.of(ADMIN)), "utf-8")
    FeedbackStore(folder / "feedback.db").keep(Feedback("declined", SECRET, ()))
    options = ["--corpus", str(folder / "corpus"), "--auth", str(folder / "users")]
    options += ["--admin-password-file", str(folder / "admin")]
    with serving(folder / "index", *options) as url:
        deadline = time.monotonic() + 120
        while httpx.get(f"{url}health", trust_env=False).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield Served(url, folder)


def test_who_has_not_logged_in_is_told_nothing(served: Served) -> None:
    told: dict[str, str] = {}
    with served.client() as client:
        for path, method in sorted(_routes(served.folder)):
            filled = re.sub(r"\{[^}]*\}", "x", path)
            try:
                reply = client.request(method, filled, json={}, timeout=5)
            except httpx.ReadTimeout:  # a stream has been opened
                told[path] = "stream"
                continue
            if reply.status_code not in (401, 403, 404, 405):
                told[path] = f"{method} {reply.status_code} {reply.text[:200]}"
            for kept in ("架空町", "窓口", '"targets"', "uploads"):
                at = reply.text.find(kept)
                assert at < 0, (path, reply.text[max(at - 60, 0) : at + 60])
    unexpected = {path: what for path, what in told.items() if path not in OPEN_TO_ALL}
    assert unexpected == {}, json.dumps(unexpected, indent=1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "gradio_api/proxy=https://example.hf.space/"),
        ("GET", "gradio_api/proxy=http://127.0.0.1/"),
        ("POST", "gradio_api/vibe-edit"),
        ("POST", "gradio_api/vibe-code/"),
        ("POST", "gradio_api/undo-vibe-edit"),
        ("GET", "gradio_api/dev/reload"),
        ("GET", "gradio_api/stream/x/1/1/playlist.m3u8"),
        ("GET", "monitoring"),
        ("GET", "monitoring/summary"),
        ("GET", "openapi.json"),
    ],
)
def test_what_the_page_does_not_use_is_not_there(served: Served, method: str, path: str) -> None:
    with served.client(username=NAME, password=PASSWORD) as client:
        reply = client.request(method, path, json={})
        assert (reply.status_code, reply.json()) == (404, {"detail": "Not Found"})


def test_the_same_are_there_for_who_has(served: Served) -> None:
    """That the test above does not look at a server on which nothing works."""
    with served.client(username=NAME, password=PASSWORD) as client:
        assert "dependencies" in client.get("config").json()
        asked = client.post("gradio_api/run/search", json={"data": ["窓口", 1, None, None]})
        assert "窓口を減らした" in json.dumps(asked.json(), ensure_ascii=False)


def test_a_wrong_password_or_token_opens_nothing(served: Served) -> None:
    with served.client() as client:
        wrong = {"username": NAME, "password": "ちがう"}
        assert client.post("login", data=wrong).status_code == 400
    with served.client(username=NAME, password=PASSWORD) as client:
        names = list(client.cookies)
    with served.client() as client:
        for token in ("", "x", NAME, "undefined", "' OR 1=1 --"):
            cookies = {"Cookie": "; ".join(f"{name}={token}" for name in names)}
            assert client.get("config", headers=cookies).status_code == 401


def test_who_logs_out_is_out_everywhere(served: Served) -> None:
    with (
        served.client(username=NAME, password=PASSWORD) as here,
        served.client(username=NAME, password=PASSWORD) as there,
    ):
        link = re.search(r"href='([^']*logout[^']*)'", json.dumps(here.get("config").json()))
        assert link is not None
        tokens = dict(here.cookies)
        assert here.get(link[1], follow_redirects=True).status_code == 200
        assert here.get("config").status_code == 401
        assert there.get("config").status_code == 401
        stolen = {"Cookie": "; ".join(f"{key}={value}" for key, value in tokens.items())}
        assert here.get("config", headers=stolen).status_code == 401


def test_nothing_behind_the_page_trusts_what_it_is_told(served: Served) -> None:
    """Every function of the page, called with True wherever it might ask for rights."""
    before = served.files, served.records
    with served.client(username=NAME, password=PASSWORD) as client:
        config = client.get("config").json()
        by_id = {c["id"]: c["props"].get("elem_id") for c in config["components"]}
        opened = _event(config, "room-documents", "select")
        called = set()
        for event in config["dependencies"]:
            # A tick of a timer or what the browser does by itself needs no rights.
            [control, what] = (event["targets"] or [[None, "load"]])[0]
            if not event["backend_fn"] or what in ("tick", "load"):
                continue
            called.add(by_id.get(control))
            _call(client, opened, None)
            for value in (True, ["mine.md"]):
                told = _call(client, event, value)
                assert SECRET[:3] not in told, event
        with_rights = {"build", "remove", "upload", "show-feedback", "erase-now"}
        assert with_rights <= called
    assert (served.files, served.records) == before
    assert '"build"' not in served.log


@pytest.mark.parametrize("button", ["build", "remove", "show-feedback", "erase-now"])
def test_each_says_that_it_needs_the_password(served: Served, button: str) -> None:
    with served.client(username=NAME, password=PASSWORD) as client:
        config = client.get("config").json()
        _call(client, _event(config, "room-documents", "select"), None)
        told = _call(client, _event(config, button, "click"), ["mine.md"])
        assert "管理用のパスワードを入力した人だけ" in told


def test_no_secret_comes_into_the_log(served: Served) -> None:
    before = served.log
    with served.client() as client:
        client.post("login", data={"username": NAME, "password": "ちがうのひみつ"})
        client.post("login", data={"username": NAME, "password": PASSWORD})
        config = client.get("config").json()
        event = _event(config, "unlock", "click")
        for tried in ("これもちがう", ADMIN):
            _call(client, event, tried)
        tokens = list(client.cookies.values())
    log = served.log.removeprefix(before)
    assert log.count('"login"') == 2
    assert log.count('"unlock"') == 2
    for secret in (NAME, PASSWORD, ADMIN, "ちがうのひみつ", "これもちがう", "scrypt", *tokens):
        assert secret not in served.log


_LIST = """
import json, sys
from gradio.routes import App
from dxqa.web.page import build_app

def listed(routes):
    for route in routes:
        if hasattr(route, "original_router"):
            yield from listed(route.original_router.routes)
        else:
            yield route.path, sorted(getattr(route, "methods", None) or ["MOUNT"])

app = App.create_app(build_app(sys.argv[1], sys.argv[1]), mcp_server=False)
print(json.dumps(list(listed(app.routes))))
"""


def _routes(folder: Path) -> Iterator[tuple[str, str]]:
    """Every path of the page and a method for it.

    Asked for in a process of its own: Gradio leaves an event loop behind.
    """
    command = [sys.executable, "-c", _LIST, str(folder / "none")]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for path, methods in json.loads(listed.splitlines()[-1]):
        if methods == ["MOUNT"]:
            yield f"{path}/x", "GET"
        for method in set(methods) - {"HEAD", "OPTIONS", "MOUNT"}:
            yield path, method


def _event(config: dict[str, Any], elem_id: str, what: str) -> dict[str, Any]:
    [control] = [c["id"] for c in config["components"] if c["props"].get("elem_id") == elem_id]
    found: dict[str, Any]
    [found] = [e for e in config["dependencies"] if [control, what] in e["targets"]]
    return found


def _call(client: httpx.Client, event: dict[str, Any], value: object) -> str:
    """Call a function of the page as its script does; return all that comes back."""
    given = [value] * len(event["inputs"])
    body = {"data": given, "fn_index": event["id"], "session_hash": SESSION}
    reply = client.post("gradio_api/queue/join", json=body)
    if reply.status_code != httpx.codes.OK:
        return reply.text
    told = []
    with client.stream("GET", f"gradio_api/queue/data?session_hash={SESSION}") as stream:
        for line in filter(None, stream.iter_lines()):
            told.append(json.loads(line.removeprefix("data: ")))
            if told[-1]["msg"] in ("process_completed", "close_stream"):
                break
    return json.dumps(told, ensure_ascii=False)

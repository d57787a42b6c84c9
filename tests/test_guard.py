"""What stands before every request: other sites, sizes, passwords tried too often, headers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dxqa.web.admin import NotAllowedError, Rights
from dxqa.web.attempts import Attempts
from dxqa.web.guard import FAILURES, HEADERS, LARGEST_BODY, MOST_UPLOADED, WINDOW_S, Guard
from dxqa.web.options import ServeOptions
from dxqa.web.passwords import PasswordHash, Users
from dxqa.web.server import login
from dxqa.web.sessions import LONGEST_S, Sessions

HOST = "dx.example.lg.jp"


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _login(request: Request) -> Response:
    if await request.body() != b"right":
        return PlainTextResponse("wrong", 400)
    reply = PlainTextResponse("right")
    reply.set_cookie("access-token-1", "t", httponly=True, samesite="none", secure=True)
    reply.set_cookie("access-token-unsecure-1", "t", httponly=True, samesite=None)
    return reply


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    routes = [
        Route("/ask", _echo, methods=["GET", "POST"]),
        Route("/gradio_api/upload", _echo, methods=["POST"]),
        Route("/login", _login, methods=["POST"]),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, uploads=tmp_path)])
    with TestClient(app, base_url=f"http://{HOST}") as made:
        yield made


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": f"https://{HOST}.evil.example"},
        {"Origin": f"https://{HOST}:8443"},
        {"Origin": "null"},
        {"Origin": "file://"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://other.example.lg.jp", "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_pages_of_other_sites_neither_read_nor_write(
    client: TestClient, headers: dict[str, str], method: str
) -> None:
    reply = client.request(method, "/ask", headers=headers)
    assert reply.status_code == 403
    assert "ほかのサイト" in reply.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"Origin": f"http://{HOST}"},
        {"Origin": f"https://{HOST}:443"},
        {"Origin": "https://office.example", "X-Forwarded-Host": "office.example"},
        {"Origin": f"https://{HOST}", "Host": "127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_its_own_page_and_programs_may(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/ask", content=b"x", headers=headers).status_code == 200


def test_a_link_from_another_site_leads_here_and_a_form_does_not(client: TestClient) -> None:
    there = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/ask", headers=there).status_code == 200
    assert client.post("/ask", headers=there).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("localhost:7860", 200),
        ("LOCALHOST.", 200),
        ("[::1]:7860", 200),
        ("dx.example.lg.jp", 200),
        ("evil.example:7860", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
def test_a_name_that_came_to_mean_this_machine_opens_nothing(
    tmp_path: Path, host: str, status: int
) -> None:
    names = ServeOptions(allowed_hosts=("DX.example.lg.jp",)).names
    app = Starlette(
        routes=[Route("/ask", _echo)], middleware=[Middleware(Guard, uploads=tmp_path, names=names)]
    )
    with TestClient(app, base_url="http://testserver") as client:
        own = {"Host": host, "Sec-Fetch-Site": "same-origin"}  # as it is for a page of that name
        reply = client.get("/ask", headers=own)
    assert reply.status_code == status
    if status == 421:
        assert "--allowed-host" in reply.json()["detail"]
        assert HEADERS.items() <= dict(reply.headers).items()


@pytest.mark.parametrize(
    "options",
    [
        ServeOptions(),
        ServeOptions(host="localhost"),
        ServeOptions(host="::1"),
        ServeOptions(host="127.0.0.2"),
        ServeOptions(root_path="/dxqa", allowed_hosts=("a.example",)),
        ServeOptions(host="0.0.0.0", allowed_hosts=("a.example",)),  # noqa: S104
    ],
)
def test_names_are_limited_where_they_are_known(options: ServeOptions) -> None:
    assert "127.0.0.1" in options.names


def test_behind_a_proxy_and_for_other_machines_any_name_will_do() -> None:
    assert ServeOptions(root_path="/dxqa").names == frozenset()
    assert ServeOptions(host="0.0.0.0").names == frozenset()  # noqa: S104


def test_every_reply_tells_browsers_what_the_page_needs(client: TestClient) -> None:
    evil = {"Origin": "https://evil.example"}
    for reply in (client.get("/ask"), client.get("/none"), client.get("/ask", headers=evil)):
        assert HEADERS.items() <= dict(reply.headers).items()
    policy = HEADERS["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


def test_what_is_too_large_is_refused(client: TestClient) -> None:
    assert client.post("/ask", content=b"x" * LARGEST_BODY).text == str(LARGEST_BODY)
    too_much = b"x" * (LARGEST_BODY + 1)
    reply = client.post("/ask", content=too_much)
    assert reply.status_code == 413
    assert "大きすぎます" in reply.json()["detail"]
    assert client.post("/gradio_api/upload", content=too_much).status_code == 200


def test_what_does_not_say_how_large_it_is_is_counted(client: TestClient) -> None:
    pieces = (b"x" * 2**16 for _ in range(LARGEST_BODY // 2**16 + 1))
    assert client.post("/ask", content=pieces).status_code == 413


def test_uploads_that_nobody_used_do_not_fill_the_disk(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with (tmp_path / "a" / "b.pdf").open("wb") as file:
        file.truncate(MOST_UPLOADED)
    assert client.post("/gradio_api/upload", content=b"x").status_code == 200
    (tmp_path / "c.md").write_bytes(b"x")
    reply = client.post("/gradio_api/upload", content=b"x")
    assert reply.status_code == 507
    assert "1 時間ほど" in reply.json()["detail"]


def test_passwords_are_not_guessed_by_trying(client: TestClient) -> None:
    replies = [client.post("/login", content=b"wrong").status_code for _ in range(FAILURES + 3)]
    assert replies == [400] * FAILURES + [429] * 3
    refused = client.post("/login/", content=b"right")
    assert refused.status_code == 429  # the right one too, until the time is over
    assert "分ほど待って" in refused.json()["detail"]
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S + 1


def test_the_right_password_ends_the_count(client: TestClient) -> None:
    for _ in range(3):
        for _ in range(FAILURES - 1):
            assert client.post("/login", content=b"wrong").status_code == 400
        assert client.post("/login", content=b"right").status_code == 200


def test_cookies_stay_with_this_site(client: TestClient) -> None:
    cookies = client.post("/login", content=b"right").headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert cookie.lower().count("samesite") == 1
        assert cookie.endswith("; SameSite=lax")
        assert "HttpOnly" in cookie


def test_attempts_of_one_address_are_not_those_of_another() -> None:
    now = 0.0
    attempts = Attempts(2, 60, clock=lambda: now)
    assert [attempts.begin("a") for _ in range(3)] == [0, 0, 60]
    assert attempts.begin("b") == 0
    now = 59.0
    assert attempts.begin("a") == 1
    now = 60.0
    assert attempts.begin("a") == 0


def test_attempts_forget_whom_they_have_not_seen_for_longest() -> None:
    attempts = Attempts(1, 60)
    for number in range(10_001):
        assert attempts.begin(str(number)) == 0
    assert attempts.begin("10000") > 0
    assert attempts.begin("0") == 0


def test_a_name_is_not_guessed_from_many_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None:
        """The second that a wrong password takes."""

    monkeypatch.setattr("dxqa.web.server.asyncio.sleep", at_once)
    may_enter = login(Users({"hanako": PasswordHash(COST, b"salt", b"digest")}))
    checked = [0]
    monkeypatch.setattr(Users, "may_enter", lambda *_: checked.__setitem__(0, checked[0] + 1))

    async def many() -> None:
        for _ in range(40):
            assert not await may_enter("hanako", "geraten")

    asyncio.run(many())
    assert checked == [30]


COST = (2, 8, 1)


def test_the_admin_password_is_not_guessed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dxqa.web.admin._WAIT_AFTER_WRONG_S", 0)
    path = tmp_path / "admin.txt"
    path.write_text(str(PasswordHash.of("ひらけ")), "utf-8")
    rights = Rights(ServeOptions(admin_password=path))
    assert not any(rights.unlocks("ちがう", "10.0.0.7") for _ in range(FAILURES))
    with pytest.raises(NotAllowedError, match="分ほど待って"):
        rights.unlocks("ひらけ", "10.0.0.7")
    assert rights.unlocks("ひらけ", "10.0.0.8")


def test_a_session_ends() -> None:
    now = 0.0
    sessions = Sessions(clock=lambda: now)
    sessions["t"] = "hanako"
    assert sessions.get("t") == "hanako"
    assert sessions.get(None) is None  # type: ignore[arg-type]
    now = LONGEST_S
    assert sessions.get("t") is None
    assert "t" not in sessions
    assert list(sessions) == []


def test_a_session_can_be_ended_before() -> None:
    sessions = Sessions()
    sessions["t"] = "hanako"
    del sessions["t"]
    assert sessions.get("t") is None

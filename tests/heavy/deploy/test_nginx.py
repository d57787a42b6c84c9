"""deploy/nginx.conf in front of a real server, and a real browser before it."""

import asyncio
import http.client
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from dxqa.web.guard import HEADERS
from dxqa.web.uploads import LARGEST_BYTES
from tests.e2e.browser import BOX, Session, ask
from tests.e2e.conftest import CHROMIUM, OPTIONS
from tests.heavy.deploy.asking import wait_until_ready
from tests.heavy.deploy.machine import QUESTION, end, environment, needs
from tests.heavy.deploy.proxy import PASSWORD, USER, Ports, free_ports, nginx

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

AT_A_TIME = 10
STREAMS = 200


@pytest.fixture(scope="module")
def ports(place: Path, installed: Path) -> Iterator[Ports]:
    """The ports of nginx with dxqa behind it."""
    found = free_ports()
    command = [str(installed / "venv/bin/dxqa"), "serve", "--root-path", "/dxqa"]
    with (
        nginx(place / "nginx", found),
        (place / "dxqa.log").open("w") as log,
        subprocess.Popen(
            [*command, "--port", str(found.dxqa)],
            cwd=installed,
            env=environment(DXQA_CACHE_DIR=str(place / "cache"), OMP_WAIT_POLICY="PASSIVE"),
            stderr=log,
        ) as server,
    ):
        try:
            wait_until_ready(f"http://127.0.0.1:{found.dxqa}")
            yield found
        finally:
            end(server)


@pytest.fixture
def anyone(ports: Ports, place: Path) -> Iterator[httpx.Client]:
    """Somebody without a password who trusts the certificate made for this test."""
    trust = ssl.create_default_context(cafile=place / "nginx/dxqa.crt")
    address = f"https://127.0.0.1:{ports.tls}"
    with httpx.Client(base_url=address, verify=trust, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def tanaka(anyone: httpx.Client) -> httpx.Client:
    anyone.auth = httpx.BasicAuth(USER, PASSWORD)
    return anyone


def test_plain_http_leads_to_https(ports: Ports) -> None:
    reply = httpx.get(f"http://127.0.0.1:{ports.plain}/dxqa/?q=1", trust_env=False)
    assert reply.status_code == 301
    assert reply.headers["location"] == "https://dx.example.lg.jp/dxqa/?q=1"


def test_without_the_password_there_is_health_and_nothing_else(anyone: httpx.Client) -> None:
    for path in ("/dxqa/", "/dxqa/gradio_api/info", "/dxqa/gradio_api/mcp/", "/dxqa/health/"):
        assert anyone.get(path).status_code == 401, path
    assert anyone.get("/dxqa/", auth=(USER, "ちがう")).status_code == 401
    assert anyone.get("/dxqa/health").json()["stage"] == "ready"


def test_the_headers_of_nginx_and_of_the_page(anyone: httpx.Client) -> None:
    page = anyone.get("/dxqa/", auth=(USER, PASSWORD))
    assert HEADERS.items() <= dict(page.headers).items()  # each of them once
    for reply in (anyone.get("/dxqa/"), page):
        assert reply.headers["strict-transport-security"] == "max-age=31536000"
        assert reply.headers["server"] == "nginx"


def test_pages_of_other_sites_are_refused(tanaka: httpx.Client) -> None:
    own = tanaka.get(
        "/dxqa/config", headers={"Origin": f"https://{tanaka.base_url.netloc.decode()}"}
    )
    assert own.status_code == 200
    other = tanaka.get("/dxqa/config", headers={"Origin": "https://evil.example"})
    assert (other.status_code, "ほかのサイト" in other.text) == (403, True)


def test_ten_of_the_largest_documents_come_in_at_a_time(tanaka: httpx.Client) -> None:
    document = b"\n" * LARGEST_BYTES
    files = [("files", (f"{number}.txt", document)) for number in range(AT_A_TIME)]
    reply = tanaka.post("/dxqa/gradio_api/upload", files=files)
    assert reply.status_code == 200
    assert len(reply.json()) == AT_A_TIME


@pytest.mark.parametrize(
    ("path", "size"),
    [("upload", (AT_A_TIME + 1) * LARGEST_BYTES), ("run/ask", 2 * LARGEST_BYTES)],
)
def test_more_is_refused_before_it_is_sent(
    ports: Ports, tanaka: httpx.Client, path: str, size: int
) -> None:
    """Only the length is told: nginx refuses by that."""
    signed = tanaka.auth.sync_auth_flow(httpx.Request("GET", "/"))  # type: ignore[union-attr]
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", ports.tls, timeout=30, context=trust)
    connection.putrequest("POST", f"/dxqa/gradio_api/{path}")
    connection.putheader("Authorization", next(signed).headers["Authorization"])
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    assert connection.getresponse().status == http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    connection.close()


def test_passwords_are_not_tried_without_end(tanaka: httpx.Client) -> None:
    tried = [tanaka.post("/dxqa/login", data={"username": "a"}).status_code for _ in range(9)]
    assert http.HTTPStatus.TOO_MANY_REQUESTS not in tried[:5]
    assert tried[-1] == http.HTTPStatus.TOO_MANY_REQUESTS


def test_a_stream_comes_as_it_is_written(tanaka: httpx.Client) -> None:
    """A few bytes of a stream that stays open; with buffering they would wait for many more."""
    with tanaka.stream("GET", "/dxqa/gradio_api/heartbeat/somebody", timeout=30) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert next(reply.iter_lines()).startswith("data:")


def test_streams_of_one_address_have_an_end(ports: Ports, place: Path) -> None:
    trust = ssl.create_default_context(cafile=place / "nginx/dxqa.crt")
    address = f"https://127.0.0.1:{ports.tls}/dxqa/gradio_api/heartbeat/"
    unlimited = httpx.Limits(max_connections=None)

    async def opened(count: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        async with (
            httpx.AsyncClient(
                verify=trust, trust_env=False, timeout=30, auth=(USER, PASSWORD), limits=unlimited
            ) as client,
            AsyncExitStack() as streams,
        ):
            for number in range(count):
                stream = client.stream("GET", f"{address}s{number}")
                statuses[(await streams.enter_async_context(stream)).status_code] += 1
        return statuses

    assert asyncio.run(opened(STREAMS)) == {200: STREAMS}
    more = asyncio.run(opened(STREAMS + 20))
    assert more.keys() == {200, 429}
    assert more[200] <= STREAMS


def test_a_question_is_answered_in_the_browser(ports: Ports) -> None:
    needs(CHROMIUM.exists(), str(CHROMIUM))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, headless=True)
        context = browser.new_context(
            locale="ja-JP",
            ignore_https_errors=True,
            http_credentials={"username": USER, "password": PASSWORD},
        )
        session = Session(context)
        page = session.open(f"https://127.0.0.1:{ports.tls}/dxqa/")
        expect(page.locator(BOX)).to_be_enabled(timeout=60_000)
        ask(page, QUESTION)
        assert "都城市" in page.locator("#chat").inner_text()
        browser.close()
    assert all(url.startswith(f"https://127.0.0.1:{ports.tls}/dxqa/") for url in _sent(session))
    assert session.errors == []  # the Content-Security-Policy forbids nothing that the page does


def _sent(session: Session) -> list[str]:
    return [url for url in session.requests if not url.startswith(("data:", "blob:"))]

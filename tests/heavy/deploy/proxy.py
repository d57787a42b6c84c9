"""A real nginx with deploy/nginx.conf, of which only addresses and paths are other ones."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.heavy.deploy.machine import DEPLOY, needs

USER, PASSWORD = "tanaka", "ひみつの合い言葉"
_AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/dxqa.conf;
}}
"""


@dataclass(frozen=True)
class Ports:
    """Of nginx for http and https, and of dxqa."""

    plain: int
    tls: int
    dxqa: int


def free_ports() -> Ports:
    """Return three ports that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return Ports(*ports)


def example(folder: Path, ports: Ports) -> str:
    """Return the example as it is used here; what is replaced must stand in it."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for there, here in {
        "listen 80;": f"listen 127.0.0.1:{ports.plain};",
        "listen 443 ": f"listen 127.0.0.1:{ports.tls} ",
        "server 127.0.0.1:7860;": f"server 127.0.0.1:{ports.dxqa};",
        " /etc/nginx/dxqa.": f" {folder}/dxqa.",
    }.items():
        assert there in text
        text = text.replace(there, here)
    return text


@contextmanager
def nginx(folder: Path, ports: Ports) -> Iterator[None]:
    """Run nginx until the tests are through."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    needs(Path(program).exists(), "nginx (apt-get install nginx-light)")
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "dxqa.conf").write_text(example(folder, ports), "utf-8")
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder), "utf-8")
    _make_certificate(folder)
    hashed = _openssl("passwd", "-6", PASSWORD)
    (folder / "dxqa.users").write_text(f"{USER}:{hashed}", "utf-8")
    files = ["-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    command = [program, "-p", str(folder), *files]
    subprocess.run([*command, "-t", "-q"], check=True)
    with subprocess.Popen(command) as server:
        try:
            _wait_for(ports.tls, server)
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _make_certificate(folder: Path) -> None:
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(folder / "dxqa.key"), "-out", str(folder / "dxqa.crt")]
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files)


def _openssl(*arguments: str) -> str:
    needs(shutil.which("openssl"), "openssl")
    return subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=True
    ).stdout


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, "nginx ended at its start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(port)

"""The Dockerfile, its steps done by hand: no engine runs here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.heavy.deploy.dockerfile import Image, owners
from tests.heavy.deploy.machine import DEPLOY, Alone, ask, assert_answered, inside

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

FOREIGN = 10001


@pytest.fixture(scope="module")
def image(place: Path, context: Path) -> Image:
    folder = place / "image"
    (folder / "app").mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    made = Image(context, folder / "app", folder / "venv")
    made.make(DEPLOY / "Dockerfile")
    return made


def test_the_index_is_the_users_and_the_model_is_roots(image: Image) -> None:
    assert image.user == FOREIGN
    assert (image.app / "data/index/manifest.json").exists()
    assert owners(image.app / "data") == {FOREIGN}
    assert owners(image.app / "cache") == {0}
    assert sorted(path.name for path in image.app.iterdir()) == ["cache", "data"]


def test_a_container_answers_and_is_healthy(image: Image) -> None:
    assert image.told["STOPSIGNAL"] == "SIGINT"  # which ``serving`` sends
    assert image.told["VOLUME"] == str(image.app / "data")
    with image.container.serving(*image.command("CMD")) as server:
        assert_answered(ask(server))
        assert _ids(server.pid) == {FOREIGN}
        # An office's proxy, which no container reaches here, must not stand before the check.
        checked = {**image.variables, "http_proxy": "http://192.0.2.1:8080"}
        setting = [f"{name}={value}" for name, value in checked.items()]
        inside(server, "env", "-i", *setting, *image.command("HEALTHCHECK"))


def test_the_health_check_fails_where_nothing_answers(image: Image) -> None:
    with pytest.raises(AssertionError, match="Connection refused"):
        image.container.run(*image.command("HEALTHCHECK"))


def test_an_empty_folder_in_place_of_the_volume_is_filled(image: Image, place: Path) -> None:
    """``-v /srv/dxqa:/app/data``: an engine copies nothing into a folder of the machine."""
    volume = place / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    empty = Alone(volume, image.variables, image.user)
    empty.run("sh", "-c", f"cp -R {image.app / 'data/index'} . && dxqa build")
    assert (volume / "corpus/cases").is_dir()
    assert owners(volume / "corpus") == {FOREIGN}


def _ids(process: int) -> set[int]:
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("Uid:"))
    return set(map(int, line.split()[1:]))

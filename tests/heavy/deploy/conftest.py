"""The bundle for machines without internet, and dxqa installed from it: once for all the tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.heavy.deploy.machine import DEPLOY, Alone, environment, needs


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A clean folder that other users may enter, unlike those of pytest."""
    needs(sys.platform == "linux" and os.geteuid() == 0, "root on Linux")
    folder = Path(tempfile.mkdtemp(prefix="dxqa-deploy-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def context(place: Path) -> Path:
    """A folder with ``dist/dxqa-offline``, as ``make bundle`` makes it: needs the network."""
    folder = place / "context"
    out = folder / "dist" / "dxqa-offline"
    subprocess.run(
        [DEPLOY / "offline_bundle.sh"],
        env={**os.environ, "PYTHON": sys.executable, "OUT": str(out)},
        check=True,
    )
    return folder


@pytest.fixture(scope="session")
def bundle(context: Path) -> Path:
    return context / "dist" / "dxqa-offline"


@pytest.fixture(scope="session")
def installed(place: Path, bundle: Path) -> Path:
    """The folder that install.sh makes of the bundle, without any network."""
    variables = environment(PYTHON=sys.executable, DXQA_CACHE_DIR=str(place / "cache"))
    Alone(place, variables).run("sh", str(bundle / "install.sh"), "office")
    return place / "office"

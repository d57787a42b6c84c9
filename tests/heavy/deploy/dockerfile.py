"""Reads a Dockerfile and does its steps by hand, in order, where no engine runs.

``/app`` is a clean folder; a new virtual environment stands for the site-packages of the image; no
step has a network. An instruction that is not known here is an error: none is left out in silence.
"""

import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.heavy.deploy.machine import Alone, environment

_MOUNT = re.compile(r"--mount=type=bind,source=(\S+),target=(\S+)\s+")
_ONLY_TOLD = {"FROM", "EXPOSE", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "CMD"}


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return each instruction and what it is given, lines continued and remarks left out."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, re.sub(r"\s+", " ", rest)) for name, rest in pairs]


@dataclass
class Image:
    """What the steps make.

    Attributes:
        context: folder that COPY takes from.
        app: stands for /app.
        venv: stands for the image's Python.
        told: what a container is started with, by instruction.
    """

    context: Path
    app: Path
    venv: Path
    told: dict[str, str] = field(default_factory=dict)
    folder: Path = Path("/")
    user: int | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def make(self, path: Path) -> None:
        """Do all the steps of a Dockerfile."""
        self.variables = environment(PATH=f"{self.venv / 'bin'}:{environment()['PATH']}")
        for name, given in instructions(path):
            if name in _ONLY_TOLD:
                self.told[name] = self._mapped(given)
            else:
                getattr(self, f"_{name.lower()}")(self._mapped(given))

    def command(self, instruction: str) -> list[str]:
        """Return the words of ``CMD [...]``, wherever it stands in the instruction."""
        words: list[str] = json.loads(self.told[instruction].rpartition("CMD ")[2])
        return words

    @property
    def container(self) -> Alone:
        """How the image's command is run."""
        return Alone(self.folder, self.variables, self.user)

    def _mapped(self, text: str) -> str:
        return re.sub(r"/app\b", str(self.app), text)

    def _env(self, given: str) -> None:
        for word in shlex.split(given):
            name, _, value = word.partition("=")
            self.variables[name] = value

    def _workdir(self, given: str) -> None:
        self.folder = Path(given)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _user(self, given: str) -> None:
        self.user = int(given.split(":", maxsplit=1)[0])

    def _copy(self, given: str) -> None:
        source, target = given.split()
        shutil.copytree(self.context / source, self.folder / target)

    def _run(self, given: str) -> None:
        assert "apt" not in given.split(), "a step for the machine: list it as left out here"
        mounts = _MOUNT.findall(given)
        for source, target in mounts:
            Path(target).symlink_to(self.context / source)
        folder = Alone(self.folder, self.variables, self.user)
        folder.run("sh", "-c", _MOUNT.sub("", given))
        for _, target in mounts:
            Path(target).unlink()


def owners(folder: Path) -> set[int]:
    """Return whose the files below a folder are."""
    return {path.stat().st_uid for path in (folder, *folder.rglob("*"))}

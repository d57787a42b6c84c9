"""Every file of tests/bombs.py in one corpus: none stops the build or fills the memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bombs import BOMBS, made

pytestmark = pytest.mark.heavy

ODD = {"stars.md", "links.md", "brackets.md", "references.md", "indent.md"}
"""Megabytes of signs, which are read as what they are; tests/test_hostile_files.py has some."""

_BUILD = """
import json, resource, sys, threading, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)
from dxqa import Index
from dxqa.readers import apart
from tests.conftest import HashEncoder

apart.LONGEST_S = 10  # of those that never come back there are several
most = {"read": 0}

def used(pid):
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return 0

def watch():
    while True:
        if process := apart._OTHER._process:
            most["read"] = max(most["read"], used(process.pid))
        time.sleep(0.02)

threading.Thread(target=watch, daemon=True).start()
index = Index.build(sys.argv[1], encoder=HashEncoder())
print(json.dumps({
    "skipped": {Path(p).name: reason for p, reason in index.store.manifest.skipped.items()},
    "held": list(index.store.documents),
    "megabytes": {"build": used("self") // 1024, "reading": most["read"] // 1024},
}))
"""


def test_a_corpus_of_bombs_is_built_without_them(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    list(made(corpus, [name for name in BOMBS if name not in ODD]))
    (corpus / "good.md").write_text("# 題\n\n窓口を予約制にした。\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(corpus)],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    sys.stdout.write(
        f"{len(told['skipped'])} refused, {told['megabytes']} MB, read: {told['held']}\n"
    )
    names = {name.partition(" (")[0] for name in told["skipped"]} | set(told["held"])
    assert names == {*BOMBS, "good.md"} - ODD
    assert "good.md" in told["held"]
    assert told["megabytes"]["reading"] < 3 * 1024
    assert told["megabytes"]["build"] < 2 * 1024

"""What dxqa is delivered with: the packages that a user's installation consists of.

    python -m tests.supply licences                       # make licences: docs/licences.md anew
    python -m tests.supply prune < all.json > sbom.json   # make sbom

The set is that of ``dxqa[documents]``, as deploy/ installs it, found by walking the metadata of
what is installed here; deploy/requirements.lock pins it.
"""

import json
import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "deploy/requirements.lock"
PAGE = ROOT / "docs/licences.md"
EXTRAS = frozenset({"documents"})
UNLOCKED = "torch"
"""Comes in builds of other bytes, for graphics cards and without, from other places."""

_PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+)", re.MULTILINE)
_ROW = re.compile(r"^\| ([a-z0-9-]+) \| (\S+) \| (.+) \|$", re.MULTILINE)
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST_NAME = 60  # a longer one is the licence's text
_TABLE = "| package | version | licence |\n|---|---|---|\n"


def runtime() -> dict[str, Distribution]:
    """Return the installed packages that dxqa needs to run, by canonical name, dxqa left out."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [("dxqa", EXTRAS)]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = distribution(name)
        todo += [
            (canonicalize_name(needed.name), frozenset(needed.extras))
            for needed in map(Requirement, found[name].requires or ())
            if _applies(needed, extras)
        ]
    del found["dxqa"]
    return dict(sorted(found.items()))


def locked() -> dict[str, str]:
    """Return the version that the lock pins of each package, by canonical name."""
    return {
        canonicalize_name(pin["name"]): pin["version"]
        for pin in _PIN.finditer(LOCK.read_text("utf-8"))
    }


def listed() -> dict[str, tuple[str, str]]:
    """Return version and licence of each package on the page."""
    rows = _ROW.findall(PAGE.read_text("utf-8"))
    return {name: (version, licence) for name, version, licence in rows if name != "package"}


def licence(package: Distribution) -> str:
    """Return what the metadata says: an SPDX expression, else the classifiers, else its field."""
    classifiers = _told(package, "Classifier")
    named = [c.removeprefix(_CLASSIFIER) for c in classifiers if c.startswith(_CLASSIFIER)]
    field = "".join(_told(package, "License")[:1]).strip()
    short = field if "\n" not in field and len(field) <= _LONGEST_NAME else ""
    expression = "".join(_told(package, "License-Expression")[:1])
    return expression or short or ", ".join(sorted(named)) or "not told"


def _told(package: Distribution, field: str) -> list[str]:
    return list(package.metadata.get_all(field) or ())


def page() -> str:
    """Return docs/licences.md with the table made anew, for what is installed."""
    packages, pins = runtime(), locked()
    rows = [
        f"| {name} | {pins.get(name) or Version(package.version).public} | {licence(package)} |"
        for name, package in packages.items()
    ]
    above, _, _ = PAGE.read_text("utf-8").partition(_TABLE)
    return above + _TABLE + "\n".join(rows) + "\n"


def prune(bom: dict[str, Any]) -> dict[str, Any]:
    """Return a CycloneDX document of an environment with nothing in it but what dxqa needs."""
    names = runtime()
    kept = [c for c in bom["components"] if canonicalize_name(c["name"]) in names]
    refs = {c["bom-ref"] for c in kept} | {bom["metadata"]["component"]["bom-ref"]}
    graph = [
        entry | {"dependsOn": [ref for ref in entry.get("dependsOn", ()) if ref in refs]}
        for entry in bom["dependencies"]
        if entry["ref"] in refs
    ]
    return bom | {"components": kept, "dependencies": graph}


def _applies(needed: Requirement, extras: frozenset[str]) -> bool:
    if needed.marker is None:
        return True
    return any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""})


def main() -> None:
    """Do what the command line says."""
    command = sys.argv[1]
    if command == "licences":
        PAGE.write_text(page(), "utf-8")
    elif command == "prune":
        json.dump(prune(json.load(sys.stdin)), sys.stdout, ensure_ascii=False, indent=2)
    else:
        sys.exit(f"licences or prune, not {command}")


if __name__ == "__main__":
    main()

"""Lock, licences and list of parts agree with pyproject.toml and with what is installed.

What is installed may be newer than the lock: then only what still stands in it is compared.
"""

import re
import tomllib
from importlib.metadata import Distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import supply
from tests.supply import LOCK, PAGE, ROOT, UNLOCKED, licence, listed, locked, prune, runtime

MOZILLA = {"certifi", "orjson", "tqdm"}


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = project["dependencies"] + [text for name in supply.EXTRAS for text in extras[name]]
    return [needed for needed in map(Requirement, texts) if needed.name != UNLOCKED]


def unchanged() -> dict[str, Distribution]:
    """Return the packages that are installed in the version of the lock."""
    pins = locked()
    return {n: p for n, p in runtime().items() if Version(p.version) == Version(pins.get(n, "0"))}


def test_every_dependency_is_locked_and_in_range() -> None:
    pins = locked()
    assert len(wanted()) > 20
    for needed in wanted():
        assert pins[canonicalize_name(needed.name)] in needed.specifier, needed


def test_what_the_locked_packages_need_is_locked_too() -> None:
    pins = locked()
    assert len(unchanged()) > 20
    for name, package in unchanged().items():
        for needed in map(Requirement, package.requires or ()):
            other = canonicalize_name(needed.name)
            if other != UNLOCKED and (needed.marker is None or needed.marker.evaluate()):
                assert pins[other] in needed.specifier, (name, needed)


def test_every_locked_package_has_hashes() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK.read_text("utf-8"))[1:]
    assert len(blocks) == len(locked())
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block


def test_the_lock_names_no_place() -> None:
    """Where packages come from is the affair of who installs them."""
    told = LOCK.read_text("utf-8")
    assert "://" not in told
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host", told)
    assert UNLOCKED not in locked()


def test_the_page_lists_what_is_locked() -> None:
    versions = {name: version for name, (version, _) in listed().items()}
    assert versions.pop(UNLOCKED)
    assert versions == locked()


def test_the_page_lists_what_is_installed_and_its_licence() -> None:
    told = listed()
    for name, package in unchanged().items():
        assert told[name][1] == licence(package), name


def test_no_licence_is_unknown_or_binds_what_uses_it() -> None:
    told = {name: words for name, (_, words) in listed().items()}
    assert [name for name, words in told.items() if re.search("not told|GPL", words)] == []
    assert {name for name, words in told.items() if "MPL" in words} == MOZILLA
    assert all(f"`{name}`" in PAGE.read_text("utf-8") for name in MOZILLA)


def test_the_list_of_parts_holds_what_dxqa_needs_and_nothing_else() -> None:
    names = ["numpy", "pytest", "PyYAML"]
    bom = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [{"name": name, "bom-ref": f"{name}==1"} for name in names],
        "dependencies": [
            {"ref": "root", "dependsOn": ["PyYAML==1", "pytest==1"]},
            {"ref": "pytest==1"},
            {"ref": "PyYAML==1"},
        ],
    }
    pruned = prune(bom)
    assert [part["name"] for part in pruned["components"]] == ["numpy", "PyYAML"]
    assert pruned["dependencies"] == [
        {"ref": "root", "dependsOn": ["PyYAML==1"]},
        {"ref": "PyYAML==1", "dependsOn": []},
    ]


@pytest.mark.parametrize("name", ["dxqa", "pytest", "ruff"])
def test_what_only_developers_need_is_not_runtime(name: str) -> None:
    assert name not in runtime()
    assert {"gradio", "torch", "lxml", "unidic-lite"} <= set(runtime())

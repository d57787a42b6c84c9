"""axe-core's rules on every screen; what is Gradio's own is listed in docs/accessibility.md."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.browser import ROOT
from tests.e2e.screens import screens, show_at

pytestmark = pytest.mark.e2e

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
LISTED = ROOT / "docs/accessibility.md"
RUN = """() => axe.run(document, {
  resultTypes: ["violations"],
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})"""


@pytest.fixture(scope="module")
def rules() -> str:
    if not AXE.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI must check accessibility, but there is no {AXE}")
        pytest.skip("no axe-core; `npm ci --prefix tests/e2e`")
    return AXE.read_text("utf-8")


def gradios_own() -> dict[str, list[str]]:
    """The rules that Gradio's own elements break, with their selectors, as the docs list them."""
    rows = re.findall(r"^\| `([a-z-]+)` \| `([^`]+)` \|", LISTED.read_text("utf-8"), re.MULTILINE)
    found: dict[str, list[str]] = {}
    for rule, selector in rows:
        found.setdefault(rule, []).append(selector)
    return found


def violations(page: Page, rules: str) -> list[tuple[str, str, str]]:
    """Serious and critical violations: rule, selector and markup of each element."""
    page.add_script_tag(content=rules)
    told: dict[str, Any] = page.evaluate(RUN)
    return [
        (found["id"], " ".join(map(str, node["target"])), node["html"][:200])
        for found in told["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_breaks_a_rule_by_our_fault(page: Page, rules: str, scheme: str) -> None:
    show_at(page, "wide", scheme)
    own = gradios_own()
    ours: dict[str, list[Any]] = {}
    for name in screens(page):
        for rule, target, markup in violations(page, rules):
            known = own.get(rule, [])
            if not any(
                page.locator(target).first.evaluate("(e, s) => e.matches(s)", s) for s in known
            ):
                ours.setdefault(name, []).append((rule, target, markup))
    assert ours == {}, json.dumps(ours, ensure_ascii=False, indent=1)


def test_the_rules_find_what_is_wrong(page: Page, rules: str) -> None:
    page.evaluate("document.body.append(Object.assign(document.createElement('img'), {id: 'bad'}))")
    assert ("image-alt", "#bad") in [found[:2] for found in violations(page, rules)]

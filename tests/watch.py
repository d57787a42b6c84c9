"""What payloads do in a real browser: those that run, that ask for addresses, or only could."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Dialog, Error, Frame, Page

_LISTEN = """
addEventListener("securitypolicyviolation", event => {
  window.__violated(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""
_LIVE = r"""
() => {
  const ADDRESSES = new Set("src href action formaction srcset data poster background ping style \
    xlink:href values to srcdoc content".split(/\s+/));
  const RUNS = /^[\0-\x20]*(javascript|vbscript|data):/i;
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot);
      const name = element.localName;
      for (const { name: key, value } of element.attributes) {
        if (!value.includes("pwned")) continue;
        const link = name === "a" && key === "href" && !RUNS.test(value.replace(/[\t\r\n]/g, ""));
        if (key.startsWith("on") || (ADDRESSES.has(key) && !link)) {
          found.push([element, `<${name} ${key}=${value}>`]);
        }
      }
      const text = element.textContent;
      const active = ["script", "style", "noscript", "iframe"].includes(name);
      const ours = element.closest("[data-ours]");
      if (active && !ours && text.includes("pwned")) found.push([element, `<${name}>${text}`]);
    }
  };
  look(document);
  return found;
}
"""
_TOLD = f"() => ({_LIVE})().map(([element, told]) => told.slice(0, 200))"
_POKE = """
() => {
  for (const element of document.querySelectorAll("*")) {
    for (const { name } of [...element.attributes]) {
      if (!name.startsWith("on")) continue;
      try { element.dispatchEvent(new Event(name.slice(2), { bubbles: true })); } catch {}
    }
  }
  for (const element of document.querySelectorAll(
    "a, area, button, summary, [href], input[type=submit], input[type=image]")) {
    try {
      if (element.getAttribute("target")) element.removeAttribute("target");
      element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    } catch {}
  }
}
"""


_PATIENCE_MS = 2_000


@dataclass
class Watch:
    """A browser context, and what happened in it that a payload might have done.

    Attributes:
        ran: number of a payload to how it was seen.
        violations: of the page's content security policy.
        errors: that scripts of the page met with.
    """

    context: BrowserContext
    ran: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.expose_binding("__pwned", lambda _, *told: self._note("called", told))
        self.context.expose_binding("__violated", lambda _, told: self.violations.append(told))
        self.context.add_init_script(_LISTEN)
        self.context.on("request", lambda request: self._asked(request.url))
        self.context.on("dialog", self._spoken)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _note(self, how: str, told: Iterable[object]) -> None:
        found = re.search(r"\d+", " ".join(map(str, told)))
        self.ran[int(found.group()) if found else -1].add(how)

    def _spoken(self, dialog: Dialog) -> None:
        self._note("dialog", [dialog.message])
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        if found := re.match(r"http://[^/]+/pwned/(\d+)", url):
            self._note("asked", [found.group(1)])


def live(page: Page) -> list[str]:
    """Say which elements of a page hold a payload where it can run, or where it is asked for."""
    return [told for frame in page.frames for told in _told(frame)]


def poke(page: Page) -> None:
    """Set off every event that an element waits for, and follow every link."""
    for frame in page.frames:
        _evaluate(frame, _POKE)


def _told(frame: Frame) -> list[str]:
    return [str(told) for told in _evaluate(frame, _TOLD) or []]


def _evaluate(frame: Frame, script: str) -> list[object] | None:
    try:
        # Not frame.evaluate, which waits for ever for a frame that never gets a document.
        found: list[object] | None = frame.locator(":root").evaluate(script, timeout=_PATIENCE_MS)
    except Error:  # a frame may go away, or have no document
        return None
    return found

"""Waits until a page answers, asks it a question by HTTP, and prints its answer as JSON.

``python asking.py URL QUESTION``; run by itself inside the network of a server.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

_PATIENCE_S = 180
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main(url: str, question: str) -> None:
    """Print health and answer."""
    health = wait_until_ready(url)
    body = json.dumps({"data": [question, None, None]}).encode()
    request = urllib.request.Request(  # noqa: S310 - the address of a server that the test started
        f"{url}/gradio_api/run/ask", body, {"Content-Type": "application/json"}
    )
    with _OPENER.open(request, timeout=_PATIENCE_S) as reply:
        answer = json.load(reply)["data"][0]
    sys.stdout.write(json.dumps({"health": health, "answer": answer}))


def wait_until_ready(url: str) -> dict[str, Any]:
    """Return what /health says once it says 200."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with _OPENER.open(f"{url}/health", timeout=10) as reply:
                told: dict[str, Any] = json.load(reply)
                return told
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


if __name__ == "__main__":
    main(*sys.argv[1:])

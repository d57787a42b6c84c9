"""Another process may build, move or damage the index while the page is served: noticed here."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from dxqa.store import manifest_stamp

EVERY_S = 2.0


class IndexWatch:
    """Looks at the manifest now and then, which every build replaces, and tells of a change."""

    def __init__(self, folder: Path, changed: Callable[[], bool]) -> None:
        """Watch the index below ``folder``; ``changed`` says whether it has taken note."""
        self._folder = folder
        self._changed = changed
        self._seen: tuple[int, ...] = ()

    def start(self) -> None:
        """Begin; what is there already is no change."""
        self._seen = manifest_stamp(self._folder)
        threading.Thread(target=self._run, name="dxqa-watch", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_S)
            found = manifest_stamp(self._folder)
            if found != self._seen and self._changed():
                self._seen = found

"""Who has logged in, and until when."""

import time
from collections.abc import Callable
from typing import TypeVar

LONGEST_S = 12 * 3600.0
_Default = TypeVar("_Default")


class Sessions(dict[str, str]):
    """Names by token, as Gradio keeps them; a token is good for ``LONGEST_S`` seconds.

    Gradio's own dictionary keeps them until the server ends.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody."""
        super().__init__()
        self._clock = clock
        self._since: dict[str, float] = {}

    def __setitem__(self, token: str, name: str) -> None:
        """Log somebody in; those whose time is over are forgotten."""
        self._forget()
        self._since[token] = self._clock()
        super().__setitem__(token, name)

    def __delitem__(self, token: str) -> None:
        """Log somebody out."""
        self._since.pop(token, None)
        super().__delitem__(token)

    def __contains__(self, token: object) -> bool:
        """Whether somebody is logged in by this token."""
        self._forget()
        return super().__contains__(token)

    def get(self, token: str, default: _Default = None) -> str | _Default:  # type: ignore[assignment]
        """Return who is logged in by this token."""
        return self[token] if token in self else default  # noqa: SIM401 - which is this method

    def _forget(self) -> None:
        oldest = self._clock() - LONGEST_S
        for token in [token for token, since in self._since.items() if since <= oldest]:
            del self[token]

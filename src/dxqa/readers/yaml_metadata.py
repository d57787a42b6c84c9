"""Metadata in YAML, from whoever wrote it: plain values only, and not too many of them.

Aliases (``*name``) and the merging of mappings, by which a few lines stand for gigabytes, are no
part of what is read; nor are tags that make anything but plain values, which PyYAML refuses.
"""

from typing import Any

import yaml

from dxqa.errors import CorpusError

LARGEST = 50_000
"""Characters; PyYAML reads about 100,000 a second."""


class _AliasError(yaml.YAMLError):
    """An alias in what is to be metadata."""


class _Loader(yaml.SafeLoader):
    """Composes no alias."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _AliasError
        return super().compose_node(parent, index)


def load(text: str, what: str, first_line: int = 1) -> Any:  # noqa: ANN401 - any YAML
    """Return what a text says in YAML.

    Args:
        text: a whole YAML document.
        what: how the message calls it.
        first_line: number of its first line in the file.

    Raises:
        CorpusError: it is none, too long, or holds aliases.
    """
    if len(text) > LARGEST:
        raise CorpusError(f"{what}が長すぎます ({LARGEST:,} 字まで)")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except _AliasError as error:
        raise CorpusError(
            f"{what}に YAML の別名 (*) は使えません。値をそのまま書いてください"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" ({mark.line + first_line} 行目)" if mark else ""
        raise CorpusError(f"{what}を YAML として読めません{line}") from error

"""The digest of eleven cases comes with dxqa: a copy of it where there are no documents yet."""

import importlib.resources
import shutil
import sys
from pathlib import Path

from dxqa.errors import CorpusError

CORPUS = "corpus"
"""Where documents are looked for unless another folder is named."""


def ensure_corpus(folder: str) -> None:
    """Copy the digest to the usual folder where that is missing; any other folder is left alone.

    Raises:
        CorpusError: the copy cannot be written.
    """
    target = Path(folder)
    if folder != CORPUS or target.exists():
        return
    source = importlib.resources.files("dxqa").joinpath("data", CORPUS)
    try:
        with importlib.resources.as_file(source) as bundled:
            shutil.copytree(bundled, target, ignore=shutil.ignore_patterns("uploads"))
    except OSError as error:
        raise CorpusError(
            f"同梱の事例集を {target.absolute()} に写せません ({error})。"
            "書き込めるフォルダで実行するか、--corpus に文書のフォルダを指定してください。"
        ) from error
    print(f"文書のフォルダがないので、同梱の事例集を写しました: {target}", file=sys.stderr)

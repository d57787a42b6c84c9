"""The command line: ``dxqa build | search | ask | evaluate | serve | info | verify | clean``.

``--json`` output is a contract (docs/architecture.md): one object a line on stdout, nothing else.
Exit status: 0 done (declining is 0 too), 1 a DxqaError, 2 wrong usage.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence

from dxqa.cli.commands import INTERRUPTED
from dxqa.cli.parser import build_parser
from dxqa.errors import DxqaError
from dxqa.visible import visible

__all__ = ["build_parser", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads would slow other programs
    warnings.showwarning = _show_warning
    options = build_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except DxqaError as error:
        print(f"dxqa: {visible(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dxqa: 中断しました。", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"dxqa: {message}", file=sys.stderr)

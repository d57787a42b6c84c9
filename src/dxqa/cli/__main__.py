"""``python -m dxqa.cli``, the same as ``dxqa``."""

import sys

from dxqa.cli import main

sys.exit(main())

"""The Gradio page: a chat whose every claim leads to the passage that it is quoted from.

The environment is set before Gradio is imported, so that nothing reports to other hosts.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from dxqa.web.options import ServeOptions
from dxqa.web.page import build_app
from dxqa.web.server import serve

__all__ = ["ServeOptions", "build_app", "serve"]

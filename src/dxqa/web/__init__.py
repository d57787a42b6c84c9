"""The Gradio page: a chat whose every claim leads to the passage that it is quoted from.

The environment is set before Gradio is imported, so that nothing reports to other hosts.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Gradio would keep 10,000 events for a page of figures that is off, and count them at each event.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)

from dxqa.web.options import ServeOptions
from dxqa.web.page import build_app
from dxqa.web.server import serve

__all__ = ["ServeOptions", "build_app", "serve"]

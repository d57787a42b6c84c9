"""Launches the web page: ``python app.py [--host] [--port] [--index] [--corpus] [--model] …``."""

import sys

from dxqa.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))

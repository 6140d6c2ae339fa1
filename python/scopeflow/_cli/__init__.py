"""The `scopeflow` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from . import tree

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process by default); return its exit code."""
    parser = argparse.ArgumentParser(prog="scopeflow", description="Tools for event files.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    tree.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
        return code
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Nothing may be flushed at exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED

"""`python -m demo_agent.model`: serve the model until standard input ends.

The first line that it prints is its address. It is for agents that are not written in Python.
"""

from __future__ import annotations

import argparse
import sys

from .server import Outages, serve


def main() -> None:
    """Serve with the options of the process."""
    options = _parse()
    outages = Outages(dict(options.busy), options.retry_after)
    with serve(options.thinking, outages) as model:
        print(model.url, flush=True)
        sys.stdin.read()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo_agent.model", description="Serves the model.")
    parser.add_argument(
        "--thinking", type=float, default=0.0, metavar="SECONDS", help="how long an answer takes"
    )
    parser.add_argument(
        "--busy",
        action="append",
        default=[],
        type=_outage,
        metavar="AGENT=COUNT",
        help="turn away so many requests of an agent with status 503; may be repeated",
    )
    parser.add_argument(
        "--retry-after",
        type=int,
        default=0,
        metavar="SECONDS",
        help="when who was turned away is asked to come back",
    )
    return parser.parse_args()


def _outage(text: str) -> tuple[str, int]:
    agent, _, count = text.partition("=")
    return agent, int(count)


if __name__ == "__main__":
    main()

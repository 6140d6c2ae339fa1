"""`python -m demo_agent`: run the demo, print the run as a tree, then the answer."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from . import database
from .model.server import Outages, serve
from .run import QUESTION, Settings, run

_FOLDER = Path(__file__).parent
_REPOSITORY = _FOLDER.parents[1]
_THINKING_S = 0.05
_OUTAGES = Outages({"incidents": 1})


def main() -> int:
    """Run the demo with the arguments of the process; return its exit code."""
    options = _parse()
    file = options.database
    if file is None:
        file = options.output / "incidents.db"
        database.build(options.data, file)
    events = options.output / "run.jsonl"
    settings = Settings(
        database=file,
        documents=_REPOSITORY,
        events=events,
        progress=None if options.quiet else sys.stderr,
        question=options.question,
        broken=frozenset(options.broken),
    )
    with serve(_THINKING_S, _OUTAGES) as model:
        answer = run(settings, model.url)
    print(f"\nThe run, from {os.path.relpath(events)}:\n", flush=True)
    code = subprocess.run([sys.executable, "-m", "scopeflow", "tree", str(events)]).returncode
    print(f"\nQuestion: {options.question}\nAnswer: {answer}")
    return code


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="Runs the demo agent.")
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument(
        "--data",
        type=Path,
        default=_FOLDER / "data",
        metavar="FOLDER",
        help="CSV files from which the database is built",
    )
    parser.add_argument(
        "--database", type=Path, metavar="FILE", help="use this SQLite database, build none"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=_REPOSITORY / ".demo",
        metavar="FOLDER",
        help="where the database and the event file are written (.demo in the repository)",
    )
    parser.add_argument(
        "--break",
        dest="broken",
        action="append",
        default=[],
        choices=["sql", "search"],
        help="make a tool fail; may be repeated",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

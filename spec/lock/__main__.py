"""`python -m spec.lock`: says how the C interface differs from spec/api.lock.json, item by item.

Without options it fails if there is any difference, so that none goes unnoticed. --record writes
additive differences into the lock; breaking ones need --relock, which is to be meant.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from spec.gen.spec import read_api

from .compare import Change, compare
from .surface import Surface, surface

ROOT = Path(__file__).parents[2]
LOCK = "spec/api.lock.json"


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    now = surface(read_api(options.spec))
    try:
        old = read(options.against or str(options.lock))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    changes = compare(old, now)
    for change in changes:
        print(change)
    is_breaking = any(change.is_breaking for change in changes)
    if options.against:
        print(summary(changes))
        return 1 if is_breaking else 0
    if not changes:
        print(f"{len(now)} items, as locked")
        return 0
    if options.relock or (options.record and not is_breaking):
        options.lock.write_text(text_of(now), encoding="utf-8", newline="\n")
        print(f"locked: {summary(changes)}")
        return 0
    print(f"{summary(changes)}; python -m spec.lock --{'relock' if is_breaking else 'record'}")
    return 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m spec.lock", description=__doc__)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--record", action="store_true", help="lock what is new, if nothing breaks")
    only.add_argument("--relock", action="store_true", help="lock whatever has changed")
    only.add_argument(
        "--against", metavar="FILE/REV", help="compare with that lock, or the lock of that revision"
    )
    parser.add_argument("--spec", type=Path, default=ROOT / "spec", help="folder that holds api/")
    parser.add_argument("--lock", type=Path, default=ROOT / LOCK)
    return parser.parse_args(arguments)


def read(place: str) -> Surface:
    """From a file, or from the lock of a revision of git."""
    if Path(place).is_file():
        return json.loads(Path(place).read_text("utf-8"))
    command = ["git", "show", f"{place}:{LOCK}"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if shown.returncode != 0:
        raise ValueError(f"{place} is no file, and no revision with {LOCK}: {shown.stderr.strip()}")
    return json.loads(shown.stdout)


def text_of(items: Surface) -> str:
    """An item a line, so that two branches that add one each can be merged."""
    lines = [f"{json.dumps(item)}: {json.dumps(parts)}" for item, parts in items.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def summary(changes: list[Change]) -> str:
    breaking = sum(change.is_breaking for change in changes)
    return f"{len(changes) - breaking} additive, {breaking} breaking"


if __name__ == "__main__":
    sys.exit(main())

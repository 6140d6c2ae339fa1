"""`python -m spec.gen`: writes every generated file, or with --check compares them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .loader import SpecError
from .render import TargetError, left_over, render, stale, target_names, write
from .spec import read_api

ROOT = Path(__file__).parent.parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m spec.gen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a file is stale")
    parser.add_argument("--only", action="append", default=[], choices=target_names())
    parser.add_argument("--spec", type=Path, default=ROOT / "spec", help="folder that holds api/")
    parser.add_argument("--out", type=Path, default=ROOT, help="root of the tree to write to")
    options = parser.parse_args(arguments)
    try:
        texts = render(read_api(options.spec), options.only)
    except (SpecError, TargetError) as error:
        print(error, file=sys.stderr)
        return 2

    unwanted = [] if options.only else left_over(texts, options.out)
    if options.check:
        for path in stale(texts, options.out):
            print(f"stale: {path}")
        for path in unwanted:
            print(f"left over: {path}")
        return 1 if unwanted or stale(texts, options.out) else 0

    for path in write(texts, options.out):
        print(f"wrote {path}")
    for path in unwanted:
        (options.out / path).unlink()
        print(f"removed {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

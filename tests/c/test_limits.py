"""Every row of docs/limits.md is tried by test_limits.c, whose tests are called what the rows are.

python tests/c/test_limits.py PROGRAM
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TABLE = Path(__file__).parent.parent.parent / "docs" / "limits.md"


def rows() -> list[str]:
    """`input: what is limited` of each row; an input stands in the first of its rows only."""
    found = []
    source = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 6 or cells[1] == "input" or set(cells[1]) == {"-"}:
            continue
        source = cells[1] or source
        found.append(f"{source}: {cells[2]}")
    return found


def is_tried(row: str, tests: list[str]) -> bool:
    """A test's name may leave out the end of both parts."""
    source, what = row.split(": ", 1)
    return any(
        source.startswith(name.split(": ", 1)[0]) and what.startswith(name.split(": ", 1)[1])
        for name in tests
    )


def main() -> int:
    ran = subprocess.run([sys.argv[1]], capture_output=True, text=True)
    tests = [line.split(": ", 1)[1] for line in ran.stdout.splitlines() if ": " in line]
    missing = [row for row in rows() if not is_tried(row, tests)]
    print(ran.stdout + ran.stderr, end="")
    print("\n".join(f"not tried: {row}" for row in missing) or f"{len(tests)} rows")
    return 1 if ran.returncode != 0 or missing or len(tests) != len(rows()) else 0


if __name__ == "__main__":
    sys.exit(main())

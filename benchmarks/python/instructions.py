"""How many instructions an operation takes when nobody listens, counted by callgrind.

    python benchmarks/python/instructions.py [--check]

A count hardly depends on what else the machine does, so it serves as a gate: `--check` ends with 1
if a limit is passed. The counted process runs each row 1,000 and 3,000 times; a row is the
difference divided by 2,000, the `for` loop included. Needs valgrind.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SHORT, LONG = 1_000, 3_000

# Row -> most instructions, or (most, times which row). S4.6 is checked by `tool, checked`.
LIMITS = {
    "scope at the root": (2.2, "set, reset"),
    "scope in a scope": (2.2, "set, reset when set"),
    # Nobody looks at a payload that nobody hears of.
    "mark, 5,000 values": (1.01, "mark, 5 values"),
    # One that is only heard is not encoded.
    "mark heard, 140 values": (1.01, "mark heard, one value"),
    "tool, async": (10_000, None),
    "tool, async, in a scope": (10_000, None),
    "tool, sync": (10_000, None),
    "tool, sync, beside asyncio": (10_000, None),
    "stream, a chunk": (3, "async generator, a chunk"),
}

# Where the figures that were agreed on come from.
if sys.version_info[:2] == (3, 11):
    LIMITS |= {
        "scope at the root": (3_300, None),
        "mark kept, table of 140 values": (60_000, None),
        "mark kept, chat of 140 values": (60_000, None),
        "mark kept, request of 8 KB": (60_000, None),
        "tool, one of each of four": (15_000, None),
        "tool, ten of each of four": (60_000, None),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    arguments = parser.parse_args()
    counts = measure()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, instructions an operation\n")
    passed = True
    for name, count in counts.items():
        limit = LIMITS.get(name)
        line = f"{name:<36}{count:>8,}"
        if limit is not None:
            most, ok = judge(counts, count, *limit)
            passed &= ok
            line += f"   {most}{'' if ok else '   PASSED'}"
        print(line)
    return 0 if passed or not arguments.check else 1


def judge(counts: dict[str, int], count: int, most: float, of: str | None) -> tuple[str, bool]:
    if of is None:
        return f"limit {most:,}", count <= most
    factor = count / counts[of]
    return f"{factor:.2f} x `{of}`, limit {most}", factor <= most


def measure(workloads: str = "workloads.py") -> dict[str, int]:
    """Runs the workloads under callgrind, which dumps its counters at each call of getppid."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        command = [
            "valgrind",
            "--tool=callgrind",
            "--dump-before=getppid",
            f"--callgrind-out-file={out}",
            sys.executable,
            str(Path(__file__).with_name(workloads)),
            str(SHORT),
            str(LONG),
        ]
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        totals = [total(path) for path in dumps]
    names = done.stdout.splitlines()
    # A dump holds what ran before it: for each row warming up, the short run, the long run.
    return {
        name: round((totals[3 * row + 2] - totals[3 * row + 1]) / (LONG - SHORT))
        for row, name in enumerate(names)
    }


def total(dump: Path) -> int:
    match = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.M)
    assert match is not None, f"{dump} has no total"
    return int(match[1])


if __name__ == "__main__":
    sys.exit(main())

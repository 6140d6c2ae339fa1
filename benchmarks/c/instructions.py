"""How many instructions the core takes, without any language on top, counted by callgrind.

    python benchmarks/c/instructions.py [--check]

Compiles the core as a release build does, one translation unit at -O2. A row is run 1,000 and 3,000
times and is the difference divided by 2,000; `--check` ends with 1 if a limit is passed.

A step is what ten more guards or subscribers cost inside `scopeflow_task_resume`, divided by ten:
taking the answer and the way to the next INVOKE or DELIVER. The host's loop around it is not the
core's.

Needs valgrind and a C compiler. Without them it says so and ends with 77, which ctest takes as left
out, or with 1 where CI is set.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "native"
SHORT, LONG, MORE = 1_000, 3_000, 10
LEFT_OUT = 77

LIMITS = {
    "one step: a guard": 160,
    "one step: a delivery": 160,
}


# What depth and registrations that do not apply may add, of the row that has none (S3).
FLAT = 1.02
FLAT_ROWS = {
    "scope, depth 1,000": "scope in a scope",
    "scope, 4,000 others": "scope in a scope",
    "tool, depth 1,000": "tool",
    "tool, 4,000 others": "tool",
    "tool, one guard, depth 1,000": "tool, one guard",
    "tool, one guard, 4,000 others": "tool, one guard",
    "tool, 1,000 sanitizers": "tool, one sanitizer",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    arguments = parser.parse_args()
    compiler = os.environ.get("CC") or "cc"
    missing = [name for name in ("valgrind", compiler) if shutil.which(name) is None]
    if missing:
        print(f"left out: {' and '.join(missing)} not found")
        return 1 if os.environ.get("CI") else LEFT_OUT

    with tempfile.TemporaryDirectory() as folder:
        counts = measure(build(compiler, Path(folder), HERE / "instructions.c"), Path(folder))
    print("instructions an operation\n")
    passed = True
    for name, count in counts.items():
        limit = LIMITS.get(name)
        if name in FLAT_ROWS:
            limit = round(FLAT * counts[FLAT_ROWS[name]])
        passed &= limit is None or count <= limit
        print(f"{name:<32}{count:>8,}" + (f"   limit {limit:,}" if limit else ""))
    return 0 if passed or not arguments.check else 1


def build(compiler: str, folder: Path, rows: Path) -> Path:
    """The core in one translation unit, and the rows in another."""
    # What asks the system for more than C11 stands first, before any system header.
    sources = sorted((NATIVE / "src").glob("*/*.c"), key=lambda path: path.parent.name != "host")
    unity = folder / "core.c"
    unity.write_text("".join(f'#include "{source}"\n' for source in sources))
    program = folder / rows.stem
    includes = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    flags = ["-std=c11", "-O2", "-pthread", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", *includes]
    subprocess.run([compiler, *flags, str(unity), str(rows), "-o", str(program)], check=True)
    return program


def measure(program: Path, folder: Path) -> dict[str, int]:
    """Row -> instructions, whole operations first, then single steps."""
    counts = count(program, folder / "all")
    steps = count(program, folder / "steps", "--toggle-collect=scopeflow_task_resume")
    counts["one step: a guard"] = step(steps, "tool, eleven guards", "tool, one guard")
    counts["one step: a delivery"] = step(steps, "mark, eleven subscribers", "mark, one subscriber")
    return counts


def count(program: Path, out: Path, *options: str) -> dict[str, int]:
    """Runs the rows under callgrind, which dumps its counters at each call of getppid."""
    tool = ["valgrind", "--tool=callgrind", "--dump-before=getppid", *options]
    command = [*tool, f"--callgrind-out-file={out}", str(program), str(SHORT), str(LONG)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    dumps = sorted(out.parent.glob(f"{out.name}.*"), key=lambda path: int(path.suffix[1:]))
    totals = [total(path) for path in dumps]
    # A dump holds what ran before it: for each row warming up, the short run, the long run.
    return {
        name: round((totals[3 * row + 2] - totals[3 * row + 1]) / (LONG - SHORT))
        for row, name in enumerate(done.stdout.splitlines())
    }


def step(counts: dict[str, int], many: str, one: str) -> int:
    return round((counts[many] - counts[one]) / MORE)


def total(dump: Path) -> int:
    match = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.M)
    assert match is not None, f"{dump} has no total"
    return int(match[1])


if __name__ == "__main__":
    sys.exit(main())

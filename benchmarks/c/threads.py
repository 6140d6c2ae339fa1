"""How much more two threads on one runtime do than one.

    python benchmarks/c/threads.py [--check]

Runs one and two threads in turn, several times, and compares the best of each. A loop that touches
no memory is run beside them: where that does not reach 1.8 times, the machine was busy and nothing
is said of the rest. `--check` ends with 1 if two threads do less than 1.5 times what one does.

Needs a C compiler with POSIX threads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "native"
ROUNDS, REPEATS = 200_000, 7
LEAST, CONTROL_LEAST = 1.5, 1.8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        best = measure(build(Path(folder)))
    ratios = {name: 2 * one / two for name, (one, two) in best.items()}
    for name, ratio in ratios.items():
        print(
            f"{name:<10}{best[name][0] / ROUNDS:>8.0f} ns with one thread, {ratio:.2f} x with two"
        )
    if ratios.pop("control") < CONTROL_LEAST:
        print(f"no verdict: the control did not reach {CONTROL_LEAST} x")
        return 0
    passed = all(ratio >= LEAST for ratio in ratios.values())
    return 0 if passed or not arguments.check else 1


def build(folder: Path) -> Path:
    sources = sorted((NATIVE / "src").glob("*/*.c"), key=lambda path: path.parent.name != "host")
    unity = folder / "core.c"
    unity.write_text("".join(f'#include "{source}"\n' for source in sources))
    program = folder / "threads"
    includes = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    flags = ["-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", "-pthread", *includes]
    compiler = os.environ.get("CC") or "cc"
    files = [str(unity), str(HERE / "threads.c")]
    subprocess.run([compiler, *flags, *files, "-o", str(program)], check=True)
    return program


def measure(program: Path) -> dict[str, tuple[int, int]]:
    """Workload -> the shortest time of one thread and of two."""
    times: dict[str, tuple[list[int], list[int]]] = {}
    for _ in range(REPEATS):
        for count in (1, 2):
            command = [str(program), str(count), str(ROUNDS)]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for line in lines.splitlines():
                name, nanoseconds = line.split()
                times.setdefault(name, ([], []))[count - 1].append(int(nanoseconds))
    return {name: (min(one), min(two)) for name, (one, two) in times.items()}


if __name__ == "__main__":
    sys.exit(main())

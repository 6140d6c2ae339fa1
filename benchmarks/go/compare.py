"""Package scopeflow beside otel-go and an empty call of C: `python benchmarks/go/compare.py`.

Runs the benchmarks for benchstat, then the limits (limits_test.go: the least of interleaved rounds,
which a busy machine spoils less than it does benchstat's medians), and measures what `go build` of
the package takes with the standard library cached. With `--check` it ends with 1 where a limit is
passed; `--write` puts the table of the limits into benchmarks/README.md. `--count 0` leaves out
benchstat.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGE = FOLDER.parents[1] / "go"
README = FOLDER.parent / "README.md"
BENCHSTAT = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"
BEGIN, END = "<!-- go: written by go/compare.py --write -->\n", "<!-- /go -->"
BUILD_LIMIT_S = 15


def go(*arguments: str, folder: Path = FOLDER, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        ["go", *arguments], cwd=folder, env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def benchstat_table(count: int) -> str:
    status, told = go("test", "-run", "^$", "-bench", ".", "-count", str(count), ".")
    if status != 0:
        sys.exit(told)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "run").write_text(told, "utf-8")
        return go("run", BENCHSTAT, "run", folder=Path(folder))[1]


def build_cpu_s() -> float:
    """What the processor does for a first `go build` where only the standard library was built."""
    with tempfile.TemporaryDirectory() as cache:
        status, packages = go(
            "list", "-deps", "-f", "{{if .Standard}}{{.ImportPath}}{{end}}", ".", folder=PACKAGE
        )
        standard = [name for name in packages.split() if name != "unsafe"]
        status = status or go("build", *standard, folder=PACKAGE, GOCACHE=cache)[0]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if status or go("build", ".", folder=PACKAGE, GOCACHE=cache)[0]:
            sys.exit("the package cannot be built")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write(text: str) -> None:
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}{text}{END}{after}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="end with 1 where a limit is passed")
    parser.add_argument("--write", action="store_true", help=f"write the table to {README.name}")
    parser.add_argument("--count", type=int, default=10, help="runs of each benchmark (10)")
    arguments = parser.parse_args()

    if arguments.count > 0:
        print(benchstat_table(arguments.count))
    status, told = go("test", "-count=1", "-run", "Limits", "-v", ".", "-args", "-check")
    lines = told.splitlines()
    table = "".join(f"{line}\n" for line in lines if line.startswith("|"))
    limits = "".join(f"{line}\n" for line in lines if line.endswith(("   ok", "   passed")))
    build_s = build_cpu_s()
    what, verdict = "s of a processor for go build", "passed" if build_s > BUILD_LIMIT_S else "ok"
    build = f"{what:45} {build_s:8.2f}   at most {BUILD_LIMIT_S:8.2f}   {verdict}\n"
    text = f"{table}\n```text\n{limits}{build}```\n"
    print(text)
    if arguments.write:
        write(text)
    return int(arguments.check and (status != 0 or build_s > BUILD_LIMIT_S))


if __name__ == "__main__":
    sys.exit(main())

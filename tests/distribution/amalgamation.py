"""The two files of the amalgamation compile alone: as C11 and C++17, without a warning, and soon.
The vectors pass with them in the library's place.

Usage: amalgamation.py NM --runner OBJECT... --vectors FILE...

Each compiler that is there is tried, and one of each language is needed. Without an operating
system the file needs functions on memory and nothing else, not even an allocator.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "abi"))
from needs import COMPILER, MEMORY, names

ROOT = Path(__file__).parents[2]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
CPU_LIMIT_S = 8
IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"


@dataclass(frozen=True)
class Way:
    compiler: str
    options: tuple[str, ...]
    has_system: bool = True

    def __str__(self) -> str:
        return " ".join([self.compiler, *self.options])


C = ("-x", "c", "-std=c11")
CPP = ("-x", "c++", "-std=c++17")
# What optimising finds in C it finds in C++, so that the short tier saves itself the time.
CPP_LEVEL = "-O2" if IS_DEEP else "-O0"
# Then nobody uses what the inside of the file sink shares.
WITHOUT_SYSTEM = ("-O1", "-DSCOPEFLOW_HOSTED=0", "-Wno-unused-function")
WAYS = [
    Way("gcc", (*C, "-O2")),
    Way("clang", (*C, "-O2")),
    Way("g++", (*CPP, CPP_LEVEL)),
    Way("clang++", (*CPP, CPP_LEVEL)),
    Way("gcc", (*C, *WITHOUT_SYSTEM), has_system=False),
]
if IS_DEEP or not shutil.which("gcc"):
    WAYS.append(Way("clang", (*C, *WITHOUT_SYSTEM), has_system=False))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("nm")
    parser.add_argument("--runner", nargs="+", required=True, help="its object files")
    parser.add_argument("--vectors", nargs="+", required=True)
    given = parser.parse_args()
    ways = [way for way in WAYS if shutil.which(way.compiler)]
    missing = {"-std=c11", "-std=c++17"} - {option for way in ways for option in way.options}
    failures = [f"no compiler for {standard} was found" for standard in sorted(missing)]
    for way in ways:
        with tempfile.TemporaryDirectory() as alone:
            failures += tried(way, given, Path(alone))
    print("\n".join(failures))
    return 1 if failures else 0


def tried(way: Way, given: argparse.Namespace, folder: Path) -> Iterator[str]:
    """What is wrong, in a folder that holds the two files and nothing else."""
    # `-S` leaves out the packages of others: whoever has no more than Python can make the files.
    command = [sys.executable, "-S", "-m", "spec.amalgamation", folder]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    command = [way.compiler, *STRICT, *way.options, "-c", "scopeflow.c", "-o", "scopeflow.o"]
    cpu_s, done = timed(command, folder)
    if done.returncode != 0:
        yield f"{way}:\n{done.stderr}"
        return
    for _ in range(5):  # On a busy machine the same work takes more of a processor's time.
        if cpu_s > CPU_LIMIT_S:
            cpu_s = min(cpu_s, timed(command, folder)[0])
    print(f"{way}: {cpu_s:.1f} s", flush=True)
    if cpu_s > CPU_LIMIT_S:
        yield f"{way}: {cpu_s:.1f} s of {CPU_LIMIT_S}"
    if way.has_system:
        yield from replayed(way, given, folder)
        return
    needed = names(given.nm, "--undefined-only", [str(folder / "scopeflow.o")])
    yield from (f"{way} needs {name}" for name in sorted(needed - MEMORY - COMPILER))


def replayed(way: Way, given: argparse.Namespace, folder: Path) -> Iterator[str]:
    runner = folder / "vectors"
    link = [way.compiler, *given.runner, "scopeflow.o", "-pthread", "-o", runner]
    subprocess.run(link, cwd=folder, check=True)
    done = subprocess.run([runner, *given.vectors], capture_output=True, text=True)
    if done.returncode != 0 or len(done.stdout.splitlines()) != len(given.vectors):
        yield f"{way}: the vectors fail\n{done.stdout}{done.stderr}"


def timed(command: list[str], folder: Path) -> tuple[float, subprocess.CompletedProcess]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done


if __name__ == "__main__":
    sys.exit(main())

"""The mutation gate of the Python layer: 80 % of the mistakes planted in it are noticed by a test.

`mutate_python.py --package FOLDER --coverage FILE --work FOLDER` plants mutants (mutants.py), one
at a time, in a copy of the package and runs the tests of python/tests that reach their lines, which
FILE tells, the `data` of tests/coverage/branches.py. A sample is drawn from every module, the same
one for the same `--seed`; `--count 0` takes all, `--module NAME` those of one module. A mutant
whose lines no test reaches survives. The tools that are to be had mutate a source tree in place,
or only what stands in functions, and know nothing of a package beside a compiled module.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from coverage import CoverageData
from mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "coverage"))

from branches import DEPTH, SKIPPED, TESTS, measured_files  # noqa: E402

JOBS = os.cpu_count() or 1
COUNT, LEAST_PER_MODULE, SEED = 300, 8, 20_261_126
MINIMUM = 80.0
# A mutant may loop, or allocate, without end. The tests of a module take some seconds.
SLOWEST_FACTOR, LEAST_SECONDS = 5, 20
MEMORY_BYTES = 8 << 30
# Annotations, and what reads files, which tests/coverage alone looks after.
LEFT_OUT = ("_aliases", "__main__")


@dataclass(frozen=True)
class Planted:
    """A mutant, its module, and the tests that reach it, most telling first."""

    module: str
    mutant: Mutant
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.module}.py:{self.mutant}"


# --- Which tests reach what ---


class Reached:
    """The tests that reach the lines of the modules, as pytest's ids."""

    def __init__(self, file: Path, package: Path, modules: list[str]) -> None:
        data = CoverageData(basename=str(file))
        data.read()
        self.tests_by_line = {
            module: {
                line: {_test_of(context) for context in contexts}
                for line, contexts in data.contexts_by_lineno(str(package / f"{module}.py")).items()
            }
            for module in modules
        }
        self.counts = {module: self._counts(module) for module in modules}
        self.all_counts = sum(self.counts.values(), Counter())

    def _counts(self, module: str) -> Counter[str]:
        return Counter(test for tests in self.tests_by_line[module].values() for test in tests)

    def tests(self, module: str, mutant: Mutant | None = None) -> tuple[str, ...]:
        """Those for which the mutant's module is most of what they reach come first."""
        by_line = self.tests_by_line[module]
        lines = mutant.lines if mutant is not None and mutant.lines else by_line
        found = {test for line in lines for test in by_line.get(line, ())}
        # As a file's, and no test's, counts what child processes, threads and its loading reach.
        named = {test for test in found if "::" in test} or found
        counts = self.counts[module]
        order = sorted(named, key=lambda test: (-counts[test] / self.all_counts[test], test))
        if lines is by_line:  # Who uses what is there once the module is loaded, is not known.
            order += [file for file in _files_about(module) if file not in order]
        return tuple(order)


def _files_about(module: str) -> list[str]:
    """The test files that name a module, shortest first."""
    name = re.compile(rf"\b{module.strip('_')}\b")
    files = [path for path in measured_files() if name.search(path.read_text("utf-8"))]
    return [path.name for path in reversed(files)]


def _test_of(context: str) -> str:
    """`test_x|test_x.test_y` is known to pytest as `test_x.py::test_y`."""
    file, _, test = context.partition("|")
    module, _, name = test.rpartition(".")
    return f"{file}.py::{name}" if module == file else f"{file}.py"


# --- Running them ---


class Site:
    """A copy of the package for one mutant at a time."""

    def __init__(self, package: Path, folder: Path) -> None:
        self.folder = folder
        self.was_too_slow = False
        self.copy = folder / package.name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, self.copy, ignore=ignored)

    def passes(self, tests: tuple[str, ...], seconds: float) -> bool:
        """Whether all tests pass in time."""
        self.was_too_slow = False
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
        options = ["--hypothesis-seed=0", f"--basetemp={self.folder / 'tests'}"]
        process = subprocess.Popen(
            [*command, *options, *tests],
            cwd=TESTS,
            env={
                **{name: text for name, text in os.environ.items() if name != DEPTH},
                "PYTHONPATH": str(self.folder),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder / "hypothesis"),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_bound_memory,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.was_too_slow = True
            return False
        finally:
            _end_all_of(process)
        return process.returncode == 0

    def notices(self, planted: Planted, seconds: float) -> bool:
        """Whether a test fails with the mutant. The copy is as it was afterwards."""
        if not planted.tests:
            return False
        file = self.copy / f"{planted.module}.py"
        source = file.read_bytes()
        file.write_bytes(planted.mutant.planted(source))
        try:
            return not self.passes(planted.tests, seconds)
        finally:
            file.write_bytes(source)


def _bound_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _end_all_of(process: subprocess.Popen[bytes]) -> None:
    """Of the process and of those that it has started, which are its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Gate:
    """Judges mutants, several at a time."""

    def __init__(self, package: Path, reached: Reached, work: Path, jobs: int) -> None:
        self.reached = reached
        self.sites: SimpleQueue[Site] = SimpleQueue()
        for number in range(jobs):
            self.sites.put(Site(package, work / str(number)))
        self.pool = ThreadPoolExecutor(jobs)
        self.seconds: dict[str, float] = {}

    def check(self, modules: list[str]) -> None:
        """The package as it is has to pass, or all would seem noticed. Tells what is slow."""
        for module, seconds in zip(modules, self.pool.map(self._time, modules), strict=True):
            self.seconds[module] = max(LEAST_SECONDS, SLOWEST_FACTOR * seconds)

    def _time(self, module: str) -> float:
        site = self.sites.get()
        try:
            start = time.monotonic()
            if not site.passes(self.reached.tests(module), seconds=300):
                tests = " ".join(self.reached.tests(module))
                raise SystemExit(f"the package as it is fails the tests of {module}: {tests}")
            return time.monotonic() - start
        finally:
            self.sites.put(site)

    def judge(self, planted: Planted) -> bool:
        """Whether a test notices; says so."""
        site = self.sites.get()
        try:
            is_noticed = site.notices(planted, self.seconds[planted.module])
            if is_noticed and site.was_too_slow:
                print(f"too slow {planted}", flush=True)
        finally:
            self.sites.put(site)
        if not is_noticed:
            print(f"survived {planted} ({len(planted.tests)} tests)", flush=True)
        return is_noticed


# --- Which mutants ---


def sample(mutants: dict[str, list[Mutant]], count: int, seed: int) -> list[tuple[str, Mutant]]:
    """Some of every module, the rest from all of them alike; all where `count` is 0."""
    numbers = random.Random(seed)
    chosen, others = [], []
    for module, found in mutants.items():
        shuffled = [(module, mutant) for mutant in numbers.sample(found, len(found))]
        chosen += shuffled[:LEAST_PER_MODULE]
        others += shuffled[LEAST_PER_MODULE:]
    if count == 0:
        return chosen + others
    rest = max(0, min(count - len(chosen), len(others)))
    return chosen + numbers.sample(others, rest)


def report(judged: list[tuple[Planted, bool]]) -> float:
    """Prints what came of each module; returns how many of a hundred were noticed."""
    by_module: dict[str, list[bool]] = defaultdict(list)
    for planted, is_noticed in judged:
        by_module[planted.module].append(is_noticed)
    for module, noticed in sorted(by_module.items()):
        print(f"{module}.py: {sum(noticed)} of {len(noticed)}")
    killed = sum(is_noticed for _, is_noticed in judged)
    percent = 100 * killed / max(1, len(judged))
    print(f"{killed} of {len(judged)} mutants killed, {percent:.1f} %")
    return percent


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--package", type=Path, required=True, help="where `scopeflow` lies")
    parser.add_argument("--coverage", type=Path, required=True, help="the data of branches.py")
    parser.add_argument("--work", type=Path, required=True, help="a folder that is made anew")
    parser.add_argument("--module", action="append", default=[], help="such as `typed`")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minimum", type=float, default=MINIMUM, help="percent")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--if-deep", action="store_true", help="only where the tests are deep")
    options = parser.parse_args(arguments)
    if options.if_deep and os.environ.get(DEPTH) != "deep":
        return SKIPPED

    package = options.package.resolve() / "scopeflow"
    files = [path for path in sorted(package.glob("*.py")) if path.stem not in LEFT_OUT]
    mutants = {path.stem: mutants_of(path.read_bytes()) for path in files}
    wanted = [name for name, found in mutants.items() if found]
    wanted = [name for name in wanted if not options.module or name in options.module]
    work = options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    reached = Reached(options.coverage, package, list(mutants))
    gate = Gate(package, reached, work, options.jobs)
    gate.check(wanted)
    chosen = sample({name: mutants[name] for name in wanted}, options.count, options.seed)
    all_planted = [Planted(name, one, reached.tests(name, one)) for name, one in chosen]
    noticed = gate.pool.map(gate.judge, all_planted)
    percent = report(list(zip(all_planted, noticed, strict=True)))
    return 0 if percent >= options.minimum else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

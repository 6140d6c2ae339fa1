"""Branch coverage of the Python layer, child processes included: 95 % have to be reached.

`branches.py --package FOLDER --work FOLDER` runs the tests of python/tests on
the package in FOLDER, each file in a process of its own, prints what they do not reach, and fails
below the minimum or when a test fails. WORK is made anew; `data` in it is coverage.py's, with the
test as the context of each line, by which tests/mutation/mutate_python.py chooses.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parents[1] / "python" / "tests"
JOBS = os.cpu_count() or 1
MINIMUM = 95.0
# They search for long, or run other tools, in code that the other tests reach too.
LEFT_OUT = ("fault_corpus", "hypothesis", "leaks", "random", "stubs", "types")
DEPTH = "SCOPEFLOW_TEST_DEPTH"
SKIPPED = 77  # As CTest is told.
CHECKS_NOTHING = 5  # pytest's status where a file has no tests to run here.


def measured_files() -> list[Path]:
    """The test files, the largest first: they take longest."""
    files = [path for path in TESTS.glob("test_*.py") if path.stem[5:] not in LEFT_OUT]
    return sorted(files, key=lambda path: -path.stat().st_size)


def environment(package: Path, work: Path) -> dict[str, str]:
    """The tests' short searches are enough. Paths are absolute: tests start programs elsewhere."""
    return {
        **{name: text for name, text in os.environ.items() if name != DEPTH},
        "PYTHONPATH": str(package.resolve()),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(work / "hypothesis"),
        "MEASURED_PACKAGE": str(package.resolve() / "scopeflow"),
        "MEASURED_DATA": str(work),
    }


def coverage(*arguments: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """coverage.py, with its settings."""
    command, *rest = arguments
    settings = str(HERE / "settings.ini")
    return subprocess.run(
        [sys.executable, "-m", "coverage", command, f"--rcfile={settings}", *rest],
        env=variables,
        cwd=TESTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def passes(file: Path, variables: dict[str, str]) -> bool:
    """Runs the tests of a file; prints what they say where one fails."""
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(file))
    done = coverage("run", f"--context={file.stem}", *tests, variables=variables)
    if done.returncode in (0, CHECKS_NOTHING):
        return True
    print(done.stdout, flush=True)
    return False


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--package", type=Path, required=True, help="where `scopeflow` lies")
    parser.add_argument("--work", type=Path, required=True, help="a folder that is made anew")
    parser.add_argument("--minimum", type=float, default=MINIMUM, help="percent")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--if-deep", action="store_true", help="only where the tests are deep")
    options = parser.parse_args(arguments)
    if options.if_deep and os.environ.get(DEPTH) != "deep":
        return SKIPPED

    work = options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    variables = environment(options.package, work)
    with ThreadPoolExecutor(options.jobs) as pool:
        passed = list(pool.map(lambda file: passes(file, variables), measured_files()))
    combined = coverage("combine", "--quiet", variables=variables)
    report = coverage(
        "report",
        "--show-missing",
        "--skip-covered",
        "--precision=1",
        f"--fail-under={options.minimum}",
        variables=variables,
    )
    print(combined.stdout + report.stdout)
    return 0 if passed and all(passed) and combined.returncode == report.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Builds the sdist and a wheel for every CPython of this machine, and shows that they work.

    python tests/install/wheels.py build/wheels

Each wheel is built from the sdist where there is nothing but an interpreter and a C compiler,
made fit for other Linuxes, and looked through. It is used in a fresh environment, without the
extras and with them, has to pass the package's own tests, and may take no more instructions than
benchmarks/ allows. The sdist, the wheels and a table of them, `wheels.md`, are in the folder
afterwards; what was there of an earlier run is removed. One that fails keeps none of the others
from it.

As a test it takes this interpreter alone, and of the checks those that need nothing from an index,
unless SCOPEFLOW_TEST_DEPTH=deep is in the environment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import builds
import contents
import fresh
import interpreters
from interpreters import Interpreter

IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
HEAD = (
    "| CPython | wheel | bytes | bytes of its module | result |\n| --- | --- | ---: | ---: | --- |"
)


@dataclass(frozen=True)
class Row:
    interpreter: Interpreter
    wheel: Path | None
    complaint: str

    def __str__(self) -> str:
        result = self.complaint.splitlines()[0] if self.complaint else "works"
        if self.wheel is None:
            return f"| {self.interpreter.text} | none | | | {result} |"
        sizes = f"{self.wheel.stat().st_size:,} | {contents.module_size(self.wheel):,}"
        return f"| {self.interpreter.text} | `{self.wheel.name}` | {sizes} | {result} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the results go")
    parser.add_argument("--as-test", action="store_true", help="this interpreter alone; see above")
    options = parser.parse_args()
    folder = options.folder.resolve()
    is_quick = options.as_test and not IS_DEEP
    chosen = [interpreters.ask(sys.executable)] if is_quick else interpreters.find_all()
    prepare(folder)
    with tempfile.TemporaryDirectory(prefix="scopeflow-wheels-") as work:
        try:
            sdist = make_sdist(folder, Path(work))
        except builds.Failed as failure:
            print(failure)
            return 1
        rows = []
        for interpreter in chosen:
            rows.append(make(interpreter, sdist, folder, Path(work), is_quick))
            print(rows[-1].complaint or rows[-1], flush=True)
    table = "\n".join([HEAD, *map(str, rows)])
    (folder / "wheels.md").write_text(f"{table}\n", encoding="utf-8")
    print(f"\n{sdist.name}: {sdist.stat().st_size:,} bytes\n\n{table}")
    works = [row for row in rows if row.wheel is not None and not row.complaint]
    failed = [row for row in rows if row.complaint and not row.interpreter.obstacle]
    return 0 if works and not failed else 1


def prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("scopeflow-*.whl", "scopeflow-*.tar.gz", "wheels.md"):
        for old in folder.glob(pattern):
            old.unlink()


def make_sdist(folder: Path, work: Path) -> Path:
    made = builds.make_sdist(work / "sdist")
    refuse("the sdist", contents.sdist_complaints(made, builds.ROOT))
    return Path(shutil.copy2(made, folder))


def make(interpreter: Interpreter, sdist: Path, folder: Path, work: Path, is_quick: bool) -> Row:
    """Builds, repairs, looks through and tries one wheel."""
    if interpreter.obstacle:
        return Row(interpreter, None, f"left out: {interpreter.obstacle}")
    print(f"{interpreter.text}: {interpreter.path}", flush=True)
    wheel = None
    try:
        work = work / interpreter.tag
        work.mkdir()
        built = builds.make_wheel(interpreter, sdist, work)
        wheel = Path(shutil.copy2(builds.repair(built, work / "repaired"), folder))
        refuse(wheel.name, contents.wheel_complaints(wheel, sdist))
        fresh.check(interpreter, wheel, work)
        if not is_quick:
            fresh.check_extras(interpreter, wheel, work)
            fresh.check_suite(interpreter, wheel, work)
            if shutil.which("valgrind"):
                fresh.check_instructions(interpreter, wheel, work)
    except builds.Failed as failure:
        return Row(interpreter, wheel, f"failed: {failure}")
    return Row(interpreter, wheel, "")


def refuse(what: str, complaints: list[str]) -> None:
    if complaints:
        raise builds.Failed("\n  ".join([f"{what} is not as it should be:", *complaints]))


if __name__ == "__main__":
    sys.exit(main())

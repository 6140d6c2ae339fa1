"""The mutation gate: every fault planted in the core is caught by the vectors that cite its rules.

`mutate.py --work FOLDER [--compiler CC] [--only ID] RUNNER_SOURCE...` copies native/ into FOLDER,
plants the faults of tests/mutation/faults/ there one after another, builds the C runner of the
vectors and replays tests/vectors. A fault names the rules that it breaks; for each of them at least
one vector that cites the rule has to fail. A fault that only vectors for other rules notice is a
finding: the vector that shows the rule does not cite it, or is missing. A fault whose text is not
found exactly once in its file is refused, so that none can rot silently.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
VECTORS = ROOT / "tests" / "vectors"
# A reference that is released twice has to be seen at once, not when the memory is used again.
SANITIZE = "-fsanitize=address"
CRASHED = 99
# A fault may loop, or allocate, without end.
SECONDS = 10
JOBS = os.cpu_count() or 1
ENVIRONMENT = {"ASAN_OPTIONS": f"exitcode={CRASHED}:detect_leaks=0:hard_rss_limit_mb=1024"}


@dataclass(frozen=True)
class Fault:
    """One fault: in `file`, below native/, `text` is replaced. All texts are exact."""

    id: str
    doc: str
    rules: tuple[str, ...]
    file: str
    text: str
    replacement: str


class CannotPlant(Exception):
    """The fault does not fit the source as it is."""


def read_faults(folder: Path) -> list[Fault]:
    """All faults in order of file and place; an id may be used once."""
    faults: dict[str, Fault] = {}
    for path in sorted(folder.glob("*.yaml")):
        for item in yaml.safe_load(path.read_text(encoding="utf-8")):
            fault = Fault(**{**item, "rules": tuple(item["rules"])})
            if fault.id in faults or not fault.rules:
                raise ValueError(f"{path.name}: {fault.id}: the id is taken, or no rule is broken")
            faults[fault.id] = fault
    return list(faults.values())


def read_cases(folder: Path) -> list[dict[str, Any]]:
    """The cases of all vector files."""
    files = [path for path in sorted(folder.glob("*.json")) if path.name != "schema.json"]
    return [case for file in files for case in json.loads(file.read_text("utf-8"))["cases"]]


def planted(source: str, fault: Fault) -> str:
    """The source with the fault in it."""
    count = source.count(fault.text)
    if count != 1:
        raise CannotPlant(f"its text stands {count} times in {fault.file}, not once")
    if fault.text == fault.replacement:
        raise CannotPlant("it replaces a text by itself")
    return source.replace(fault.text, fault.replacement)


# --- Building ---


class Build:
    """The runner, built from a copy of the core; a fault compiles only what includes its file."""

    def __init__(self, compiler: str, work: Path, runner_sources: Iterable[Path]) -> None:
        self.compiler = compiler
        self.work = work
        self.native = work / "native"
        shutil.rmtree(work, ignore_errors=True)
        for name in ("src", "include"):
            shutil.copytree(ROOT / "native" / name, self.native / name)
        sources = [*sorted((self.native / "src").rglob("*.c")), *runner_sources]
        self.objects = {source: work / f"{i}.o" for i, source in enumerate(sources)}
        for source, target in self.objects.items():
            self._compile(source, target)
        self.dependencies = {s: _read_dependencies(o) for s, o in self.objects.items()}

    def program(self) -> Path:
        """The runner without a fault."""
        return self._link(self.objects.values(), "vectors")

    def faulty_program(self, fault: Fault) -> Path:
        """The runner with the fault. The copy is as it was afterwards."""
        file = self.native / fault.file
        original = file.read_text(encoding="utf-8")
        objects = dict(self.objects)
        file.write_text(planted(original, fault), encoding="utf-8")
        try:
            for i, (source, needed) in enumerate(self.dependencies.items()):
                if file in needed:
                    objects[source] = self.work / f"faulty-{i}.o"
                    self._compile(source, objects[source])
        finally:
            file.write_text(original, encoding="utf-8")
        return self._link(objects.values(), "faulty")

    def _compile(self, source: Path, target: Path) -> None:
        include = [f"-I{self.native / name}" for name in ("include", "src")]
        flags = [SANITIZE, "-std=c11", "-O0", "-w", "-MMD", "-MF", str(target.with_suffix(".d"))]
        self._run([*flags, *include, "-c", str(source), "-o", str(target)])

    def _link(self, objects: Iterable[Path], name: str) -> Path:
        program = self.work / name
        self._run([SANITIZE, *map(str, objects), "-pthread", "-o", str(program)])
        return program

    def _run(self, arguments: list[str]) -> None:
        done = subprocess.run([self.compiler, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotPlant(f"it does not compile:\n{done.stderr}")


def _read_dependencies(target: Path) -> set[Path]:
    text = target.with_suffix(".d").read_text(encoding="utf-8").replace("\\\n", " ")
    return {Path(name) for name in text.split(": ", 1)[1].split()}


# --- Replaying ---


def failing_cases(program: Path, cases: list[dict[str, Any]]) -> list[str]:
    """The ids of the cases that fail; when the program crashes or hangs, the first of them."""
    if not cases:
        return []
    status, output = _replay(program, cases)
    if status in (0, 1):
        printed = set(re.findall(r"^([a-z0-9-]+): ", output, re.MULTILINE))
        return [case["id"] for case in cases if case["id"] in printed]
    for case in cases:
        if _replay(program, [case])[0] != 0:
            return [case["id"]]
    return []


def _replay(program: Path, cases: list[dict[str, Any]]) -> tuple[int, str]:
    file = program.with_suffix(".json")
    file.write_text(json.dumps({"cases": cases, "case_count": len(cases)}), encoding="utf-8")
    try:
        done = subprocess.run(
            [program, file], capture_output=True, timeout=SECONDS, env=ENVIRONMENT
        )
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stderr.decode(errors="replace")


# --- Judging ---


def judge(build: Build, fault: Fault, cases: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether the fault is caught as it has to be, and what to say about it."""
    try:
        program = build.faulty_program(fault)
    except CannotPlant as error:
        return False, f"cannot be planted: {error}"
    caught, findings = [], []
    for rule in fault.rules:
        noticed = failing_cases(program, [case for case in cases if rule in case["rules"]])
        if noticed:
            caught.append(f"{rule} by {noticed[0]}")
        else:
            others = failing_cases(program, cases)
            hint = f"but these do: {', '.join(others)}" if others else "nor does any other"
            findings.append(f"no vector that cites {rule} notices it, {hint}")
    return not findings, "; ".join(findings or caught)


def judge_all(
    build: Build, faults: list[Fault], cases: list[dict[str, Any]]
) -> Iterator[tuple[Fault, bool, str]]:
    """Judges one fault after another. The core as it is has to pass, or all would seem caught."""
    broken = failing_cases(build.program(), cases)
    if broken:
        raise SystemExit(f"the core as it is fails {', '.join(broken)}")
    for fault in faults:
        yield fault, *judge(build, fault, cases)


def judge_in_parallel(
    faults: list[Fault], cases: list[dict[str, Any]], make_build: Callable[[int], Build]
) -> int:
    """Prints what came of each; returns how many were not caught as they have to be."""

    def work(number: int) -> int:
        failed = 0
        for fault, is_caught, text in judge_all(make_build(number), faults[number::JOBS], cases):
            print(f"{'caught' if is_caught else 'FAILED'} {fault.id}: {text}", flush=True)
            failed += not is_caught
        return failed

    with ThreadPoolExecutor(JOBS) as pool:
        return sum(pool.map(work, range(JOBS)))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--work", type=Path, required=True, help="a folder that is made anew")
    parser.add_argument("--only", action="append", default=[], help="the id of a fault")
    parser.add_argument("runner_sources", type=Path, nargs="+")
    options = parser.parse_args(arguments)

    faults = read_faults(HERE / "faults")
    faults = [fault for fault in faults if not options.only or fault.id in options.only]

    def make_build(number: int) -> Build:
        return Build(options.compiler, options.work.resolve() / str(number), options.runner_sources)

    failed = judge_in_parallel(faults, read_cases(VECTORS), make_build)
    print(f"{len(faults) - failed} passed, {failed} failed")
    return 1 if failed or not faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

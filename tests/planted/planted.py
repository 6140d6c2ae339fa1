"""Plants one bug of each kind in a copy of the repository and sees the safety net catch it.

    python tests/planted/planted.py --work FOLDER --runner SOURCE... --host SOURCE...
                                    [--compiler CC] [--only ID]

Every net has to let the copy through as it is, and to fail with the bug in it. The cheap ones are
tried always, all with SCOPEFLOW_TEST_DEPTH=deep in the environment. What a net needs and this
machine or this version lacks is said, and left out. The sources are those in tests/c of the
vectors' runner, and of the host that all tests in C share.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
SECONDS = 900


@dataclass(frozen=True)
class Bug:
    id: str
    doc: str
    file: str
    text: str
    replacement: str
    caught_by: list[str]
    cheap: bool = False
    generate: bool = False  # The generator runs once the bug is planted.


@dataclass
class Copy:
    """The repository in a folder of its own."""

    root: Path
    compiler: str
    runner: list[str]  # The sources of the vectors' runner, in tests/c,
    host: list[str]  # and of the host that all tests in C share.
    lets_through: dict[str, bool] = field(default_factory=dict)

    def run(self, *command: object) -> bool:
        words = [str(word) for word in command]
        environment = {**os.environ, "SCOPEFLOW_TEST_DEPTH": "", "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            words, cwd=self.root, env=environment, timeout=SECONDS,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return ran.returncode == 0

    def sources(self) -> list[str]:
        lists = (self.root / "native/CMakeLists.txt").read_text(encoding="utf-8")
        return [f"native/{path}" for path in re.findall(r"^\s+(src/\S+\.c)\)?$", lists, re.M)]

    def program(self, name: str, *sources: str, sanitize: str = "") -> Path | None:
        """Compiled with the whole core and the tests' host; null if it does not compile."""
        made = self.root / "planted" / name
        made.parent.mkdir(exist_ok=True)
        own = [f"tests/c/{s}.c" for s in (*sources, *self.host)]
        is_made = self.run(
            self.compiler, "-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-g",
            *([f"-fsanitize={sanitize}"] if sanitize else []),
            "-Inative/include", "-Inative/src", "-Itests/c", *self.sources(), *own,
            "-lm", "-lpthread", "-o", made,
        )  # fmt: skip
        return made if is_made else None


# --- The nets. Each is true when it lets the copy through, and null when it cannot be spread. ---


def generator(copy: Copy) -> bool:
    return copy.run(sys.executable, "-m", "spec.gen", "--check")


def tidy(copy: Copy) -> bool:
    return copy.run(sys.executable, "tests/tidy/tidy.py", ".")


def layout(copy: Copy) -> bool:
    return copy.run(
        copy.compiler, "-std=c11", "-fsyntax-only", "-Inative/include", "tests/abi/layout.gen.c"
    )


def lock(copy: Copy) -> bool:
    """The lock of the binary interface."""
    return copy.run(sys.executable, "-m", "spec.lock")


def vectors(copy: Copy, *options: str) -> bool:
    made = copy.program("vectors", *copy.runner)
    cases = (p for p in copy.root.glob("tests/vectors/*.json") if p.name != "schema.json")
    return made is not None and copy.run(made, *options, *sorted(cases))


def vectors_with_faults(copy: Copy) -> bool:
    return vectors(copy, "--faults")


def soak(copy: Copy) -> bool:
    made = copy.program("soak", "soak", "mix", "mix_operations", "spans")
    return made is not None and copy.run(made, "200000")


def protocol(copy: Copy) -> bool:
    made = copy.program("protocol", "test_protocol")
    return made is not None and copy.run(made)


def misuse(copy: Copy) -> bool:
    made = copy.program("misuse", "test_misuse", sanitize="address")
    return made is not None and copy.run(made)


def threads(copy: Copy) -> bool:
    made = copy.program("threads", "test_misuse", sanitize="thread")
    # ThreadSanitizer cannot cope with addresses that are spread as widely as some kernels do.
    return made is not None and copy.run("setarch", os.uname().machine, "-R", made)


def s390x(copy: Copy) -> bool | None:
    if shutil.which("s390x-linux-gnu-gcc") is None or shutil.which("qemu-s390x") is None:
        return None
    work = copy.root / "planted" / "s390x"
    return copy.run(sys.executable, "tests/platforms/platforms.py", "s390x", "--work", work)


NETS: dict[str, Callable[[Copy], bool | None]] = {
    net.__name__: net
    for net in (
        generator, tidy, layout, lock, vectors, vectors_with_faults, soak, protocol, misuse,
        threads, s390x,
    )
}  # fmt: skip


# --- Planting ---


def make_copy(work: Path, compiler: str, runner: list[str], host: list[str]) -> Copy:
    shutil.rmtree(work, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, work / name)
    copy = Copy(work, compiler, runner, host)
    if not copy.run("git", "init", "-q"):
        sys.exit("the copy cannot be made a repository")
    (work / ".git" / "info" / "exclude").write_text("/planted/\n", encoding="utf-8")
    return copy


def is_caught(copy: Copy, bug: Bug, name: str) -> bool | None:
    """Whether this net lets the copy through as it is, and not with the bug."""
    if name not in copy.lets_through:
        copy.lets_through[name] = NETS[name](copy)
    if copy.lets_through[name] is None:
        return None
    if not copy.lets_through[name]:
        sys.exit(f"{name} fails without any bug")
    file = copy.root / bug.file
    sound = file.read_text(encoding="utf-8")
    if sound.count(bug.text) != 1:
        sys.exit(f"{bug.id}: its text stands {sound.count(bug.text)} times in {bug.file}, not once")
    file.write_text(sound.replace(bug.text, bug.replacement), encoding="utf-8")
    if bug.generate:
        copy.run(sys.executable, "-m", "spec.gen")
    found = NETS[name](copy)
    file.write_text(sound, encoding="utf-8")
    if bug.generate:
        copy.run(sys.executable, "-m", "spec.gen")
    return not found


def read_bugs(only: str) -> list[Bug]:
    bugs = [Bug(**b) for b in yaml.safe_load((HERE / "bugs.yaml").read_text(encoding="utf-8"))]
    return [b for b in bugs if (b.id == only if only else b.cheap or IS_DEEP)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="", metavar="ID")
    parser.add_argument("--runner", type=Path, nargs="+", required=True, metavar="SOURCE")
    parser.add_argument("--host", type=Path, nargs="+", required=True, metavar="SOURCE")
    arguments = parser.parse_args()
    runner = [path.stem for path in arguments.runner]
    host = [path.stem for path in arguments.host]
    copy = make_copy(arguments.work.resolve(), arguments.compiler, runner, host)
    failed = 0
    for bug in read_bugs(arguments.only):
        for name in bug.caught_by:
            caught = is_caught(copy, bug, name)
            word = {True: "caught", False: "NOT CAUGHT", None: "left out"}[caught]
            failed += caught is False
            print(f"{word}: {bug.id} by {name}: {bug.doc}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

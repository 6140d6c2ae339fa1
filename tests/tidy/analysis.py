"""Static analysis of native/src: `clang-tidy` with .clang-tidy, or gcc's `-fanalyzer`.

    python tests/tidy/analysis.py clang-tidy|gcc [--program PROGRAM]

Every finding fails, but those of analysis.yaml, each of which says why it is none; one there that
is not found any more fails as well. The analyzer inside clang-tidy takes most of its time, and gcc
has one too, so it runs with SCOPEFLOW_TEST_DEPTH=deep only. Without the program it ends with 77.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "native" / "src"
KNOWN = Path(__file__).with_name("analysis.yaml")
LEFT_OUT = 77
FLAGS = ["-std=c11", f"-I{SOURCES}", f"-I{ROOT / 'native/include'}"]
FINDING = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: (?:warning|error): (?P<text>.*)$", re.M
)
IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}\n    {self.code}"


def command(tool: str, program: str, source: Path) -> list[str]:
    if tool == "gcc":
        options = ["-O1", "-fanalyzer", "-fdiagnostics-plain-output", "-c", "-o", os.devnull]
        return [program, *options, *FLAGS, str(source)]
    shallow = [] if IS_DEEP else ["--checks=-clang-analyzer-*"]
    return [program, "--quiet", *shallow, str(source), "--", *FLAGS]


def analyze(tool: str, program: str, source: Path) -> list[Finding]:
    ran = subprocess.run(command(tool, program, source), capture_output=True, text=True, cwd=ROOT)
    found = [finding(match) for match in FINDING.finditer(ran.stdout + ran.stderr)]
    if ran.returncode != 0 and not found:
        raise SystemExit(f"{program} failed on {source}:\n{ran.stderr}")
    return found


def finding(match: re.Match[str]) -> Finding:
    path = Path(match["path"]).resolve()
    line = int(match["line"])
    code = path.read_text(encoding="utf-8").splitlines()[line - 1].strip()
    return Finding(str(path.relative_to(ROOT)), line, code, match["text"])


def is_known(known: dict, found: Finding) -> bool:
    return (
        known["file"] == found.path.removeprefix("native/src/")
        and known["check"] in found.text
        and known["code"] in found.code
    )


def report(tool: str, found: set[Finding]) -> int:
    known = [k for k in yaml.safe_load(KNOWN.read_text(encoding="utf-8")) if k["tool"] == tool]
    wrong = [f for f in found if not any(is_known(k, f) for k in known)]
    if tool != "gcc" and not IS_DEEP:
        known = [k for k in known if not k["check"].startswith("clang-analyzer")]
    gone = [k for k in known if not any(is_known(k, f) for f in found)]
    for one in sorted(wrong, key=lambda f: (f.path, f.line)):
        print(one)
    for one in gone:
        print(f"{KNOWN.name}: {one['file']}: not found any more: {one['check']}, {one['code']}")
    print(f"{len(found)} findings, {len(wrong)} of them new, {len(gone)} known ones gone")
    return 1 if wrong or gone else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tool", choices=["clang-tidy", "gcc"])
    parser.add_argument("--program", help="which one; by default the tool's name on the PATH")
    arguments = parser.parse_args()
    program = shutil.which(arguments.program or arguments.tool)
    if program is None:
        print(f"left out: {arguments.tool} was not found")
        return LEFT_OUT
    sources = sorted(SOURCES.rglob("*.c"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        each = pool.map(lambda source: analyze(arguments.tool, program, source), sources)
        found = {one for findings in each for one in findings}
    return report(arguments.tool, found)


if __name__ == "__main__":
    sys.exit(main())

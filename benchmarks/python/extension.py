"""What a guardrail in C++ adds to a tool call of a Python agent, counted by callgrind.

    python benchmarks/python/extension.py [--check]

It builds examples/extension for this interpreter, as its test does; `--check` ends with 1 if the
limit is passed. A row is counted as in instructions.py. Needs valgrind, nanobind and a compiler.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from instructions import measure

EXAMPLE = Path(__file__).parent.parent.parent / "examples/extension"
LIMIT = 350


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where the limit is passed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        counts = measure("extension_workloads.py")
    print("instructions an operation\n")
    for name, count in counts.items():
        print(f"{name:<40}{count:>8,}")
    plain = counts["tool, async"]
    passed = True
    for name in ("tool, async, a guard in C++", "tool, 8 KB, a guard in C++"):
        added = counts[name] - plain
        passed &= added <= LIMIT
        print(f"{'added: ' + name:<40}{added:>8,}   limit {LIMIT}")
    return 0 if passed or not arguments.check else 1


def build(folder: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps"]
    options = [f"--config-settings=build-dir={folder}/build", "--disable-pip-version-check"]
    subprocess.run([*command, *options, "--target", folder, EXAMPLE], check=True)


if __name__ == "__main__":
    sys.exit(main())

"""`python check.py COMMAND...`: the program prints what stands in expected.txt, and nothing else.
`python check.py --readme`: the README shows the programs as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
SHOWN = {"python": "python/first.py", "js": "node/first.mjs", "go": "go/main.go"}


def check_program(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0 or done.stderr:
        return f"status {done.returncode}\n{done.stdout}{done.stderr}"
    expected = (HERE / "expected.txt").read_text("utf-8")
    return "" if done.stdout == expected else f"printed:\n{done.stdout}expected:\n{expected}"


def check_readme() -> str:
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", README.read_text("utf-8"), re.M | re.S))
    different = [file for name, file in SHOWN.items() if blocks.get(name) != _text(file)]
    return f"README.md differs from {', '.join(different)}" if different else ""


def _text(file: str) -> str:
    return (HERE / file).read_text("utf-8")


if __name__ == "__main__":
    failure = check_readme() if sys.argv[1:] == ["--readme"] else check_program(sys.argv[1:])
    print(failure or "as expected")
    sys.exit(1 if failure else 0)

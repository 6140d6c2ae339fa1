"""`python check.py EXPECTED COMMAND...`: the command prints what stands in the file, nothing else.
`python check.py --readme`: the README shows the programs, and what they print, as they are.

A block of the README is a file's when the line before it is a comment with the file's path.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^<!-- (\S+) -->\n+```\w+\n(.*?)^```$", re.M | re.S)
FIRST = [f"examples/first/{name}" for name in ("python/first.py", "node/first.mjs", "go/main.go")]
PROGRAMS = ("hello_scope", "guarded_tool", "streaming_llm", "custom_exporter")
FOLDERS = (("python", ".py"), ("c", ".c"))
SHOWN = [
    *FIRST,
    "examples/c/driver.h",
    "examples/c/CMakeLists.txt",
    *(
        f"examples/{folder}/{name}{end}"
        for folder, ending in FOLDERS
        for name in PROGRAMS
        for end in (ending, ".txt")
    ),
]


def check_program(expected_file: Path, command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0 or done.stderr:
        return f"status {done.returncode}\n{done.stdout}{done.stderr}"
    expected = expected_file.read_text("utf-8")
    return "" if done.stdout == expected else f"printed:\n{done.stdout}expected:\n{expected}"


def check_readme(text: str) -> str:
    blocks = dict(BLOCK.findall(text))
    return "\n".join(
        f"README.md shows {path} {'otherwise than it is' if path in blocks else 'nowhere'}"
        for path in SHOWN
        if blocks.get(path) != (ROOT / path).read_text("utf-8")
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--readme"]:
        failure = check_readme(README.read_text("utf-8"))
    else:
        failure = check_program(Path(sys.argv[1]), sys.argv[2:])
    print(failure or "as expected")
    sys.exit(1 if failure else 0)

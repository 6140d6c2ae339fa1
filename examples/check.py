"""`python check.py EXPECTED COMMAND...`: the command prints what stands in the file, nothing else.
`python check.py --readme`: the READMEs show the programs, and what they print, as they are.

A block of the README is a file's when the line before it is a comment with the file's path.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^<!-- (\S+) -->\n+```\w+\n(.*?)^```$", re.M | re.S)
FIRST = [f"examples/first/{name}" for name in ("python/first.py", "node/first.mjs", "go/main.go")]
PROGRAMS = ("hello_scope", "guarded_tool", "streaming_llm", "custom_exporter")


def programs(folder: str, ending: str) -> list[str]:
    return [f"examples/{folder}/{name}{end}" for name in PROGRAMS for end in (ending, ".txt")]


SHOWN = {
    "README.md": [
        *FIRST,
        "examples/c/driver.h",
        "examples/c/CMakeLists.txt",
        *programs("python", ".py"),
        *programs("c", ".c"),
    ],
    "node/README.md": programs("node", ".ts"),
    "go/README.md": [f"go/example_{name}_test.go" for name in PROGRAMS],
}
"""What each README shows."""


def check_program(expected_file: Path, command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0 or done.stderr:
        return f"status {done.returncode}\n{done.stdout}{done.stderr}"
    expected = expected_file.read_text("utf-8")
    return "" if done.stdout == expected else f"printed:\n{done.stdout}expected:\n{expected}"


def check_readme(readme: str) -> list[str]:
    blocks = dict(BLOCK.findall((ROOT / readme).read_text("utf-8")))
    return [
        f"{readme} shows {path} {'otherwise than it is' if path in blocks else 'nowhere'}"
        for path in SHOWN[readme]
        if blocks.get(path) != (ROOT / path).read_text("utf-8")
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["--readme"]:
        failure = "\n".join(line for readme in SHOWN for line in check_readme(readme))
    else:
        failure = check_program(Path(sys.argv[1]), sys.argv[2:])
    print(failure or "as expected")
    sys.exit(1 if failure else 0)

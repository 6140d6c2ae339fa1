"""The example in the README runs, and prints what a reader expects."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_example_in_the_readme() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "scope start assistant",
        "scope start search",
        "mark None cache miss",
        "scope end search",
        "{'hits': ['SCOPES']}",
        "mark None search",
        "guardrail rejected: the query is too long",
        "scope end assistant",
    ]

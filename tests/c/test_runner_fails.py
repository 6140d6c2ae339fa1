"""The runner of the vectors must be able to fail: every case, made wrong in one place, is caught.

`test_runner_fails.py PROGRAM FILE`. PROGRAM is vectors.c.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def wrong_cases(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Copies of a case, each with one expectation that does not hold."""
    for label, lines in case["expect"].get("events", {}).items():
        if lines:
            wrong = copy.deepcopy(case)
            wrong["expect"]["events"][label][-1] = lines[-1].replace("0.1", "0.2", 1)
            yield wrong
            wrong = copy.deepcopy(case)
            del wrong["expect"]["events"][label][-1]
            yield wrong
    for key, value in (("calls", ["nobody"]), ("stats", {"dropped_event_count": "9"})):
        if key in case["expect"]:
            yield {**case, "expect": {**case["expect"], key: value}}
    for i, step in enumerate(case["steps"]):
        if "expect" in step:
            wrong = copy.deepcopy(case)
            wrong["steps"][i]["expect"] = {"status": "internal"}
            yield wrong


def main() -> int:
    program, path = sys.argv[1:]
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    cases = [wrong for case in document["cases"] for wrong in wrong_cases(case)]
    for number, case in enumerate(cases):
        case["id"] = f"wrong-{number}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "wrong.json")
        text = json.dumps({**document, "cases": cases, "case_count": len(cases)})
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([program, str(file)], capture_output=True, text=True)
    caught = {line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("wrong-")}
    missed = [case["id"] for case in cases if case["id"] not in caught]
    print("\n".join(f"{name} passed" for name in missed) or f"{len(cases)} wrong cases are caught")
    return 1 if missed or done.returncode == 0 or len(cases) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())

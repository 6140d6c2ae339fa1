"""What `import scopeflow` adds to the start of an interpreter, beside nemo-relay's import.

    pip install nemo-relay==0.10.4
    python benchmarks/python/imports.py [--check] [--rounds 40]

Whole processes, in turn, the fastest of each. `--check` ends with 1 where ours adds more than a
quarter of what nemo-relay adds.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time

PROGRAMS = {"nothing": "pass", "scopeflow": "import scopeflow", "nemo-relay": "import nemo_relay"}
MOST = 0.25


def run(program: str) -> float:
    """Milliseconds."""
    began_at_ns = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter_ns() - began_at_ns) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where the limit is passed")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    if importlib.util.find_spec("nemo_relay") is None:
        sys.exit("nemo_relay is missing: pip install nemo-relay==0.10.4")
    best = dict.fromkeys(PROGRAMS, float("inf"))
    for _ in range(arguments.rounds):
        for name, program in PROGRAMS.items():
            best[name] = min(best[name], run(program))
    added = {name: best[name] - best["nothing"] for name in ("scopeflow", "nemo-relay")}
    share = added["scopeflow"] / added["nemo-relay"]
    for name, milliseconds in added.items():
        print(f"{name:<12}{milliseconds:8.2f} ms")
    print(f"{'share':<12}{share:8.1%}    limit {MOST:.0%}")
    return 1 if arguments.check and share > MOST else 0


if __name__ == "__main__":
    sys.exit(main())

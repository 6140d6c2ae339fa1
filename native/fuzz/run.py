"""Runs a fuzz target on its corpus and on what it makes of it.

    python native/fuzz/run.py PROGRAM CORPUS [--runs=COUNT] [--minutes=COUNT] [--left-out=REASON]

A few seconds from a fixed seed, so that a failure comes again; with SCOPEFLOW_TEST_DEPTH=deep in
the environment some minutes from a seed of its own. What is found is printed by libFuzzer as base64
and goes into the corpus with the fix. With a reason to leave it out it ends with 77.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LEFT_OUT = 77
SHORT = ["-seed=1", "-max_total_time=20"]
# A hang is a fault too, and memory is bounded whatever is fed (S7.4).
ALWAYS = ["-timeout=20", "-rss_limit_mb=1024", "-max_len=8192", "-print_final_stats=1"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--runs", type=int, default=5000, help="how many, unless it is deep")
    parser.add_argument("--minutes", type=int, default=10, help="how long, if it is deep")
    parser.add_argument("--left-out", default="", metavar="REASON")
    arguments = parser.parse_args()
    if arguments.left_out:
        print(f"left out: {arguments.left_out}")
        return LEFT_OUT
    if not any(arguments.corpus.iterdir()):
        print(f"{arguments.corpus} is empty")
        return 1
    is_deep = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
    deep = [f"-max_total_time={60 * arguments.minutes}"]
    depth = deep if is_deep else [*SHORT, f"-runs={arguments.runs}"]
    with tempfile.TemporaryDirectory() as folder:
        # What is new goes into the first folder; the committed one is only read.
        found = Path(folder, "found")
        found.mkdir()
        options = [*ALWAYS, *depth, f"-artifact_prefix={folder}/"]
        command = [arguments.program, *options, found, arguments.corpus]
        return 1 if subprocess.run(command).returncode else 0


if __name__ == "__main__":
    sys.exit(main())

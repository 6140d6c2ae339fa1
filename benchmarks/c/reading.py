"""How fast the core reads event files, in MB/s, beside taking the bytes alone and Python's parser.

    python benchmarks/c/reading.py [--megabytes 100]

Two files are made: one of small events, one with payloads of some kB such as LLM calls have. The
core is compiled as a release build does. Each figure is the best of five interleaved runs, as
anything that disturbs a run only makes it slower.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from instructions import build

HERE = Path(__file__).parent
RUNS = 5
MEGABYTE = 1_000_000
TEXT = 'A sentence that quotes "something", with an ä and a line end.\n'


def event(number: int, category: str, data: object) -> bytes:
    """A line as the core writes it."""
    fields = {
        "kind": "scope",
        "atof_version": "0.1",
        "parent_uuid": "01900000-0000-7000-8000-000000000000",
        "uuid": f"01900000-0000-7000-8000-{number // 2:012x}",
        "timestamp": f"2026-11-22T14:04:09.{number % 1_000_000_000:09}Z",
        "name": "search",
        "data": data,
        "data_schema": None,
        "metadata": {"otel.status_code": "OK"},
        "scope_category": ("start", "end")[number % 2],
        "attributes": ["remote"],
        "category": category,
        "category_profile": {"tool_call_id": str(number)},
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def small_events() -> Iterator[bytes]:
    hits = {"hits": [{"id": 1, "score": 0.75}, {"id": 2, "score": 1e-7}], "total": 2}
    payloads = cycle([{"q": "weather in Paris"}, hits])
    yield from (event(number, "tool", next(payloads)) for number in range(1 << 30))


def large_events() -> Iterator[bytes]:
    messages = [{"role": role, "content": TEXT * 20} for role in ("system", "user", "assistant")]
    yield from (event(number, "llm", {"messages": messages}) for number in range(1 << 30))


def write(path: Path, lines: Iterator[bytes], size: int) -> int:
    """Writes lines until the file has that size; returns how many."""
    count = written = 0
    with path.open("wb") as file:
        while written < size:
            written += file.write(next(lines))
            count += 1
    return count


def seconds_of_core(program: Path, path: Path, count: int) -> float:
    done = subprocess.run([program, path], capture_output=True, text=True, check=True)
    events, bad_lines, seconds = done.stdout.split()
    assert (int(events), int(bad_lines)) == (count, 0), done.stdout
    return float(seconds)


def seconds_of_bytes(program: Path, path: Path) -> float:
    done = subprocess.run([program, path, "0"], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[2])


def seconds_of_python(path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--megabytes", type=int, default=100)
    size = parser.parse_args().megabytes * MEGABYTE
    with tempfile.TemporaryDirectory() as folder:
        program = build(os.environ.get("CC") or "cc", Path(folder), HERE / "reading.c")
        print(f"{'MB/s':<16}{'the core':>12}{'json.loads':>12}{'bytes alone':>14}")
        for name, lines in (("small events", small_events()), ("large events", large_events())):
            path = Path(folder, "events.jsonl")
            count = write(path, lines, size)
            rows = [
                (
                    seconds_of_core(program, path, count),
                    seconds_of_python(path),
                    seconds_of_bytes(program, path),
                )
                for _ in range(RUNS)
            ]
            core, python, floor = (
                path.stat().st_size / MEGABYTE / min(c) for c in zip(*rows, strict=True)
            )
            print(f"{name:<16}{core:>12,.0f}{python:>12,.0f}{floor:>14,.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Whether a chunk far down a stream costs what an early one does, in time and in memory.

    python benchmarks/python/long_streams.py [--check] [--chunks 1000000]

Streams, with a collector and a subscriber, are timed in stretches of 1,000 chunks; the first tenth
and the last are compared by their fastest of three streams. Memory is what Python and the core hold
more after the last chunk than after the first 1,000. `--check` ends with 1 where late chunks take
more than 1.1 times as long as early ones, or where memory grew by more than 64 KiB.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scopeflow import LLMRequest, llm, subscribers

STREAMS, STRETCH = 3, 1_000
MOST_BYTES = 64 * 1024
MOST_SLOWER = 1.1
REQUEST = LLMRequest({}, {"messages": []})


def resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def produce(count: int) -> Iterator[dict[str, str]]:
    for _ in range(count):
        yield {"delta": "token"}


def stretches(count: int) -> tuple[list[float], int]:
    """Nanoseconds a chunk of each stretch, and by how many bytes memory grew."""
    seen = [0]

    def collect(chunk: object) -> None:
        seen[0] += 1

    times: list[float] = []
    early_bytes = 0
    opening = llm.stream_execute_sync("gpt", REQUEST, lambda request: produce(count), collect)
    with opening as stream:
        began_at_ns = time.perf_counter_ns()
        for number, _ in enumerate(stream, 1):
            if number % STRETCH == 0:
                times.append((time.perf_counter_ns() - began_at_ns) / STRETCH)
                if number == STRETCH:
                    early_bytes = resident_bytes()
                began_at_ns = time.perf_counter_ns()
    grown = resident_bytes() - early_bytes
    assert seen == [count]
    return times, grown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    parser.add_argument("--chunks", type=int, default=1_000_000)
    arguments = parser.parse_args()
    subscribers.register("ends", lambda event: None)
    stretches(10 * STRETCH)  # Warms up.
    early, late, grown = float("inf"), float("inf"), 0
    for _ in range(STREAMS):
        times, grown = stretches(arguments.chunks)
        tenth = max(1, len(times) // 10)
        early, late = min(early, *times[:tenth]), min(late, *times[-tenth:])
    print(f"{'early chunks':<16}{early:>8,.0f} ns")
    print(f"{'late chunks':<16}{late:>8,.0f} ns   {late / early:.2f} x, limit {MOST_SLOWER:g}")
    print(f"{'memory':<16}{grown / 1024:>+8,.0f} KiB  limit {MOST_BYTES // 1024}")
    is_passed = late > MOST_SLOWER * early or grown > MOST_BYTES
    return 1 if arguments.check and is_passed else 0


if __name__ == "__main__":
    sys.exit(main())

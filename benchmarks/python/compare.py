"""scopeflow beside nemo-relay and opentelemetry-sdk, in one interleaved run.

    pip install nemo-relay==0.10.4 opentelemetry-sdk
    python benchmarks/python/compare.py [--check] [--rounds 40]

A machine's noise hits whoever is running, so the rows take turns in short repetitions and each
keeps its fastest. Read the ratios; the times hold for this machine and this minute. `--check` ends
with 1 where a ratio is below its limit. The floor is the same work without any of the three.

OpenTelemetry has spans and no middleware: a scope and a tool call are a span each, with the request
as a JSON text for an attribute where somebody listens.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from contestants import CONTESTANTS, FLOOR, OURS, PEER, ROWS, Contestant

# Row -> times as fast as nemo-relay, at least.
LIMITS = {"scope": 15.0, "tool": 300.0}
REPETITION_NS = 5_000_000
Figures = dict[tuple[str, str], float]


async def repetition(contestant: Contestant, row: str, count: int) -> float:
    """Nanoseconds an operation."""
    with contestant.prepared(row):
        began_at_ns = time.perf_counter_ns()
        await contestant.work(row, count)
        return (time.perf_counter_ns() - began_at_ns) / count


async def measure(rounds: int) -> Figures:
    """The fastest repetition of each. The first round finds out how many operations one has."""
    turns = [(row, one) for row in ROWS for one in CONTESTANTS if one.has(row)]
    counts = {}
    for row, one in turns:
        await repetition(one, row, 3)  # Warms up.
        counts[row, one.name] = max(1, int(REPETITION_NS / await repetition(one, row, 20)))
    best: Figures = {}
    for number in range(rounds):
        # The order changes from round to round, so that nobody always follows the same one.
        shift = number % len(turns)
        for row, one in turns[shift:] + turns[:shift]:
            key = (row, one.name)
            best[key] = min(best.get(key, float("inf")), await repetition(one, row, counts[key]))
    return best


def report(best: Figures) -> bool:
    """Prints the table; whether every limit was kept."""
    names = [one.name for one in CONTESTANTS]
    print(f"{'':<26}" + "".join(f"{name:>20}" for name in names) + f"{'relay / ours':>14}")
    passed = True
    for row in ROWS:
        cells = "".join(
            f"{best[row, name]:>20,.0f}" if (row, name) in best else f"{'–':>20}" for name in names
        )
        ratio = best[row, PEER] / best[row, OURS]
        limit = LIMITS.get(row, 0.0)
        passed &= ratio >= limit
        note = "" if ratio >= limit else f"   below {limit:.0f}"
        print(f"{row:<26}{cells}{ratio:>13.1f}x{note}")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a ratio is too low")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, nanoseconds an operation, the fastest of {arguments.rounds}\n")
    passed = report(asyncio.run(measure(arguments.rounds)))
    print(f"\n{FLOOR}: a context variable set and reset, or the bare await")
    return 0 if passed or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())

"""scopeflow beside nemo-relay, in one interleaved run, with nobody listening.

    pip install nemo-relay==0.10.4
    python benchmarks/python/compare.py [--check] [--rounds 40]

A machine's noise hits whoever is running, so the rows take turns in short repetitions and each
keeps its fastest. Read the ratios; the times hold for this machine and this minute. `--check` ends
with 1 where a ratio is below its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import sys
import time
from collections.abc import Awaitable, Callable

import scopeflow

try:
    import nemo_relay
    import nemo_relay.scope
    import nemo_relay.tools
except ImportError:
    sys.exit("nemo-relay is missing: pip install nemo-relay==0.10.4")

PEER = "nemo-relay"
OURS = "scopeflow"
FLOOR = "floor"
REQUEST = {"query": "x", "limit": 3}
VARIABLE: contextvars.ContextVar[object] = contextvars.ContextVar("floor")

# Row -> times as fast as the peer, at least.
LIMITS = {"scope": 15.0, "tool": 300.0}
# How many operations a repetition has: a few milliseconds' worth.
COUNTS = {PEER: {"scope": 200, "tool": 10}, OURS: {"scope": 4_000, "tool": 3_000}}
COUNTS[FLOOR] = COUNTS[OURS]


async def search(arguments: dict[str, object]) -> dict[str, object]:
    return arguments


async def peer_search(arguments: dict[str, object]) -> object:
    # The peer wants the result in its own class.
    return nemo_relay.ToolExecutionResult(arguments)


async def our_scopes(count: int) -> None:
    push, pop, kind = scopeflow.scope.push, scopeflow.scope.pop, scopeflow.ScopeType.Function
    for _ in range(count):
        pop(push("plan", kind))


async def peer_scopes(count: int) -> None:
    push, pop, kind = nemo_relay.scope.push, nemo_relay.scope.pop, nemo_relay.ScopeType.Function
    for _ in range(count):
        pop(push("plan", kind))


async def floor_scopes(count: int) -> None:
    for _ in range(count):
        VARIABLE.reset(VARIABLE.set(None))


async def our_calls(count: int) -> None:
    execute = scopeflow.tools.execute
    for _ in range(count):
        await execute("search", REQUEST, search)


async def peer_calls(count: int) -> None:
    execute = nemo_relay.tools.execute
    for _ in range(count):
        await execute("search", REQUEST, peer_search)


async def floor_calls(count: int) -> None:
    for _ in range(count):
        await search(REQUEST)


ROWS: dict[str, dict[str, Callable[[int], Awaitable[None]]]] = {
    "scope": {PEER: peer_scopes, OURS: our_scopes, FLOOR: floor_scopes},
    "tool": {PEER: peer_calls, OURS: our_calls, FLOOR: floor_calls},
}


async def measure(rounds: int) -> dict[tuple[str, str], list[float]]:
    """Row and contestant -> nanoseconds an operation, a figure for each repetition."""
    figures: dict[tuple[str, str], list[float]] = {}
    turns = [(row, name) for row, contestants in ROWS.items() for name in contestants]
    for number in range(rounds + 1):
        # The order changes from round to round, so that nobody always follows the same one.
        shift = number % len(turns)
        for row, name in turns[shift:] + turns[:shift]:
            count = COUNTS[name][row]
            began_at_ns = time.perf_counter_ns()
            await ROWS[row][name](count)
            taken_ns = time.perf_counter_ns() - began_at_ns
            if number > 0:  # The first round warms up.
                figures.setdefault((row, name), []).append(taken_ns / count)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a ratio is too low")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.rounds))

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, nanoseconds an operation, the fastest of {arguments.rounds}\n")
    print(f"{'':<8}{PEER:>12}{OURS:>12}{FLOOR:>12}{'times as fast':>16}{'of the floor':>14}")
    passed = True
    for row in ROWS:
        peer, ours, floor = (min(figures[row, name]) for name in (PEER, OURS, FLOOR))
        ok = peer / ours >= LIMITS[row]
        passed &= ok
        note = "" if ok else f"   below {LIMITS[row]:.0f}"
        print(
            f"{row:<8}{peer:>12,.0f}{ours:>12,.0f}{floor:>12,.0f}"
            f"{peer / ours:>15.1f}x{ours / floor:>13.1f}x{note}"
        )
    return 0 if passed or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())

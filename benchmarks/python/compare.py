"""scopeflow beside nemo-relay and opentelemetry-sdk, in one interleaved run.

    pip install nemo-relay==0.10.4 opentelemetry-sdk
    python benchmarks/python/compare.py [--check] [--write] [--rounds 40]

A machine's noise hits whoever is running, so the rows take turns in short repetitions and each
keeps its fastest. Read the ratios; the times hold for this machine and this minute. `--check` ends
with 1 where a limit is passed (contestants.py); `--write` puts the table into benchmarks/README.md.
The floor is the same work without any of the three.

OpenTelemetry has spans and no middleware: a scope and a call are a span each, with the request as a
JSON text for an attribute where somebody listens.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import importlib.metadata
import platform
import sys
import time
from contextvars import Context
from pathlib import Path

from contestants import CONTESTANTS, FLOOR, OURS, PEER, ROWS, SPANS, TASKS, Contestant

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- compare: written by compare.py --write -->\n", "<!-- /compare -->"
REPETITION_NS = 5_000_000
# What has a thread of its own is in its stride only after a while.
FILE_REPETITION_NS = 100_000_000
Figures = dict[tuple[str, str], float]


async def repetition(contestant: Contestant, row: str, count: int) -> float:
    """Nanoseconds an operation, in a context of its own: what the others have set in theirs makes
    a variable dear in some processes and not in others, as the hashes fall."""
    return await Context().run(asyncio.create_task, work(contestant, row, count))


async def work(contestant: Contestant, row: str, count: int) -> float:
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
        length_ns = FILE_REPETITION_NS if ROWS[row].preparation == "file" else REPETITION_NS
        count = 20
        # A few operations say more of what a flush takes than of themselves.
        for _ in range(2):
            count = max(1, int(length_ns / await repetition(one, row, count)))
        counts[row, one.name] = TASKS if ROWS[row].work == "gathered" else count
    best: Figures = {}
    for number in range(rounds):
        # The order changes from round to round, so that nobody always follows the same one.
        shift = number % len(turns)
        for row, one in turns[shift:] + turns[:shift]:
            key = (row, one.name)
            best[key] = min(best.get(key, float("inf")), await repetition(one, row, counts[key]))
    return best


def table(best: Figures) -> tuple[list[str], list[str]]:
    """The lines, and what is told of each limit that was passed."""
    names = [one.name for one in CONTESTANTS]
    head = ["", *names, f"{PEER} / {OURS}", "at least", f"{OURS} / {FLOOR}", "at most"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    passed = []
    for name, row in ROWS.items():
        figures = [best.get((name, one)) for one in names]
        ours, peer = best[name, OURS], best[name, PEER]
        floor, spans = best.get((name, FLOOR)), best.get((name, SPANS))
        cells = ["–" if figure is None else f"{figure:,.0f}" for figure in figures]
        cells += [f"{peer / ours:,.1f}", f"{row.least_ratio:,g}"]
        cells.append("–" if floor is None else f"{ours / floor:.2f}")
        cells.append("–" if row.most_floors == float("inf") else f"{row.most_floors:g}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
        if peer / ours < row.least_ratio:
            passed.append(f"{name}: less than {row.least_ratio:g} times as fast as {PEER}")
        if floor is not None and ours / floor > row.most_floors:
            passed.append(f"{name}: more than {row.most_floors:g} times the floor")
        if spans is not None and ours > spans:
            passed.append(f"{name}: slower than {SPANS}")
    return lines, passed


def circumstances(rounds: int) -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    peers = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in (PEER, SPANS))
    date = datetime.datetime.now(datetime.timezone.utc).date()
    return (
        f"Nanoseconds an operation, the fastest of {rounds} repetitions. {peers}, CPython "
        f"{version}; {processor()}, {date}. The floor is a context variable set and reset, or the "
        "same without any of the three."
    )


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    except OSError:
        pass
    return platform.processor() or platform.machine()


def write(text: str) -> None:
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}{text}{END}{after}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    parser.add_argument("--write", action="store_true", help=f"write the table to {README.name}")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    lines, passed = table(asyncio.run(measure(arguments.rounds)))
    text = "\n".join([circumstances(arguments.rounds), "", *lines, ""])
    print(text)
    if arguments.write:
        write(text)
    for limit in passed:
        print(limit)
    return 1 if passed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())

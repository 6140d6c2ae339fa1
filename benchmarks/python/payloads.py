"""What a payload costs that somebody reads, beside orjson; and events to a file, beside nemo-relay.

    pip install orjson nemo-relay==0.10.4
    python benchmarks/python/payloads.py [--check] [--rounds 60]

A row is an event (a mark) whose data is the request of request.py, as a user emits it with the file
sink registered; beside it stands what the bytes of the payload alone cost. `encoded` writes to
/dev/null, and orjson only dumps; `to a file` writes each line at once to a file in the temporary
folder, and so does the peer, with one `write`; `queued` goes through the sink's queue to such a
file, until a flush says that all is there. The last rows are scopes and marks to a file beside
nemo-relay's, queued.

The rows take turns in one run, in short repetitions, and each keeps its fastest: read the ratios.
Instructions are callgrind's, from a run of its own. `--check` ends with 1 where a ratio is past its
limit. What is not installed is left out, and the row says so; with neither it ends with 77.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from request import REQUEST_8K, REQUEST_200K

import scopeflow

LEFT_OUT = 77
REQUESTS = {"8 KB": REQUEST_8K, "200 KB": REQUEST_200K}
# Row -> at most so many times the peer's time; encoding also its instructions. The kernel's, which
# are most of writing a file, are not counted.
LIMITS = {"200 KB encoded": 2.0, "200 KB to a file": 1.5}
COUNTED = "encoded"
# Row -> at least so many times the peer's rate.
RATE_LIMITS = {"scope": 7.0, "mark": 7.0}
COUNTS = {"8 KB": 400, "200 KB": 20}
FILE_LIMIT_BYTES = 64 << 20  # A file is emptied beyond it.

Repetition = Callable[[int], None]


# --- Contestants ---


def exporter(
    path: str,
    runtime: scopeflow.Runtime,
    delivery: scopeflow.SinkDelivery = scopeflow.SinkDelivery.Queued,
) -> scopeflow.AtofExporter:
    config = scopeflow.AtofExporterConfig()
    config.delivery = delivery
    config.output_directory, config.filename = os.path.split(path)
    return scopeflow.AtofExporter(config, runtime=runtime)


def our_marks(
    path: str, data: object, delivery: scopeflow.SinkDelivery = scopeflow.SinkDelivery.Queued
) -> Repetition:
    """Marks with that data in a runtime that has one subscriber, the file sink."""
    runtime = scopeflow.Runtime()
    sink = exporter(path, runtime, delivery)
    sink.register("file")

    def run(count: int) -> None:
        event = runtime.scope_event
        for _ in range(count):
            event("mark", data=data)
        sink.force_flush()

    return run


def our_texts(data: object) -> Repetition:
    """Marks with that data, heard by a subscriber that takes the line as a text."""
    runtime = scopeflow.Runtime()
    runtime.register_subscriber("text", lambda event: event.to_json())

    def run(count: int) -> None:
        event = runtime.scope_event
        for _ in range(count):
            event("mark", data=data)

    return run


def our_scopes(path: str) -> Repetition:
    runtime = scopeflow.Runtime()
    sink = exporter(path, runtime)
    sink.register("file")

    def run(count: int) -> None:
        push, pop, kind = runtime.scope_push, runtime.scope_pop, scopeflow.ScopeType.Function
        for _ in range(count):
            pop(push("plan", kind))
        sink.force_flush()

    return run


def orjson_dumps(data: object) -> Repetition:
    from orjson import dumps

    def run(count: int) -> None:
        for _ in range(count):
            dumps(data)

    return run


def orjson_writes(path: str, data: object) -> Repetition:
    from orjson import dumps

    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def run(count: int) -> None:
        write = os.write
        for _ in range(count):
            write(file, dumps(data))

    return run


def peer_exporter(path: str) -> object:
    import nemo_relay

    config = nemo_relay.AtofExporterConfig()
    config.output_directory, config.filename = os.path.split(path)
    sink = nemo_relay.AtofExporter(config)
    sink.register("file")
    return sink


def peer_scopes(sink: object) -> Repetition:
    import nemo_relay.scope

    def run(count: int) -> None:
        push, pop, kind = nemo_relay.scope.push, nemo_relay.scope.pop, nemo_relay.ScopeType.Function
        for _ in range(count):
            pop(push("plan", kind))
        sink.force_flush()

    return run


def peer_marks(sink: object, data: object) -> Repetition:
    import nemo_relay.scope

    def run(count: int) -> None:
        event = nemo_relay.scope.event
        for _ in range(count):
            event("mark", data=data)
        sink.force_flush()

    return run


# --- Measuring ---


class Row:
    """Two contestants and how many operations a repetition of each has."""

    def __init__(self, ours: Repetition, peer: Repetition | None, counts: tuple[int, int]) -> None:
        self.contestants = (ours, peer)
        self.counts = counts
        self.fastest_ns = [float("inf"), float("inf")]

    def repeat(self, which: int) -> None:
        contestant, count = self.contestants[which], self.counts[which]
        if contestant is None:
            return
        began_at_ns = time.perf_counter_ns()
        contestant(count)
        taken_ns = (time.perf_counter_ns() - began_at_ns) / count
        self.fastest_ns[which] = min(self.fastest_ns[which], taken_ns)


def has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def payload_rows(folder: str) -> dict[str, Row]:
    rows = {}
    for name, data in REQUESTS.items():
        dumps = orjson_dumps(data) if has("orjson") else None
        writes = orjson_writes(f"{folder}/orjson {name}", data) if has("orjson") else None
        counts = (COUNTS[name], COUNTS[name])
        written = scopeflow.SinkDelivery.Written
        encoded = our_marks("/dev/null", data, written)
        at_once = our_marks(f"{folder}/ours {name}", data, written)
        queued = our_marks(f"{folder}/ours queued {name}", data)
        rows[f"{name} encoded"] = Row(encoded, dumps, counts)
        rows[f"{name} to a file"] = Row(at_once, writes, counts)
        rows[f"{name} queued"] = Row(queued, writes, counts)
        rows[f"{name} as a text"] = Row(our_texts(data), dumps, counts)
    return rows


def rate_rows(folder: str) -> dict[str, Row]:
    sink = peer_exporter(f"{folder}/peer") if has("nemo_relay") else None
    data = {"step": 1, "query": "x", "ok": True}
    scopes = peer_scopes(sink) if sink else None
    marks = peer_marks(sink, data) if sink else None
    return {
        "scope": Row(our_scopes(f"{folder}/our scopes"), scopes, (4_000, 200)),
        "mark": Row(our_marks(f"{folder}/our marks", data), marks, (4_000, 200)),
    }


def measure(rows: dict[str, Row], folder: str, rounds: int) -> None:
    turns = [(row, which) for row in rows.values() for which in (0, 1)]
    for number in range(rounds):
        # The order changes from round to round, so that nobody always follows the same one.
        shift = number % len(turns)
        for row, which in turns[shift:] + turns[:shift]:
            row.repeat(which)
        for path in Path(folder).iterdir():
            if path.stat().st_size > FILE_LIMIT_BYTES:
                os.truncate(path, 0)


# --- Instructions ---


def run_counted(folder: str) -> None:
    """What count_instructions counts: each contestant twice, with a call of getppid behind."""
    for name, row in payload_rows(folder).items():
        for contestant, count in zip(row.contestants, row.counts, strict=True):
            for _ in range(2):
                if contestant is not None:
                    contestant(count)
                os.getppid()
        print(f"{name}\t{row.counts[0]}\t{row.counts[1]}")


def count_instructions(folder: str) -> dict[str, list[float]]:
    """Row -> instructions an operation of ours and of the peer; empty without valgrind."""
    if shutil.which("valgrind") is None:
        return {}
    command = ["valgrind", "--tool=callgrind", "--dump-before=getppid"]
    command += [f"--callgrind-out-file={folder}/out", sys.executable, __file__, "--counted"]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
    # A dump holds what ran before it: for each contestant warming up, then the counted run.
    totals = [total(path) for path in dumps[1::2]]
    counts = {}
    for number, line in enumerate(done.stdout.splitlines()):
        name, *repeated = line.split("\t")
        pair = totals[2 * number : 2 * number + 2]
        counts[name] = [sum_ / int(of) for sum_, of in zip(pair, repeated, strict=True)]
    return counts


def total(dump: Path) -> int:
    match = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.M)
    assert match is not None, f"{dump} has no total"
    return int(match[1])


# --- Report ---


def report_payloads(rows: dict[str, Row], counts: dict[str, list[float]]) -> bool:
    print(f"{'':<20}{'scopeflow':>12}{'orjson':>12}{'times':>8}")
    passed = True
    for name, row in rows.items():
        figures = {"ns": row.fastest_ns, "instructions": counts.get(name)}
        for unit, pair in figures.items():
            if pair is None:
                continue
            if row.contestants[1] is None:
                print(
                    f"{name:<20}{pair[0]:>12,.0f}{'-':>12}        {unit}, orjson is not installed"
                )
                continue
            ratio = pair[0] / pair[1]
            ok = ratio <= LIMITS.get(name, ratio) or (unit != "ns" and COUNTED not in name)
            passed &= ok
            note = "" if ok else f"   above {LIMITS[name]}"
            print(f"{name:<20}{pair[0]:>12,.0f}{pair[1]:>12,.0f}{ratio:>8.2f} {unit}{note}")
    return passed


def report_rates(rows: dict[str, Row]) -> bool:
    print(f"\n{'to a file':<20}{'scopeflow':>12}{'nemo-relay':>12}{'times as fast':>16}")
    passed = True
    for name, row in rows.items():
        ours, peer = row.fastest_ns
        if row.contestants[1] is None:
            print(f"{name:<20}{ours:>12,.0f}{'-':>12}   nemo-relay is not installed")
            continue
        ok = peer / ours >= RATE_LIMITS[name]
        passed &= ok
        note = "" if ok else f"   below {RATE_LIMITS[name]:.0f}"
        print(f"{name:<20}{ours:>12,.0f}{peer:>12,.0f}{peer / ours:>15.1f}x{note}")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.counted:
            run_counted(folder)
            return 0
        if not has("orjson") and not has("nemo_relay"):
            print("left out: neither orjson nor nemo-relay is installed")
            return LEFT_OUT
        payloads, rates = payload_rows(folder), rate_rows(folder)
        measure({**payloads, **rates}, folder, arguments.rounds)
        with tempfile.TemporaryDirectory() as counted:
            counts = count_instructions(counted)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, an operation, the fastest of {arguments.rounds}\n")
    passed = report_payloads(payloads, counts)
    passed &= report_rates(rates)
    return 0 if passed or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())

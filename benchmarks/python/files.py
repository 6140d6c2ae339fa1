"""How many events a second reach a file: scopeflow beside nemo-relay, in one interleaved run.

    pip install nemo-relay==0.10.4 opentelemetry-sdk
    python benchmarks/python/files.py [--check] [--rounds 9]

Scopes with an input and metadata are opened and ended, two events each, with one exporter that
appends them to a file in the ATOF format. The time ends when a flush says that all are in the
file; afterwards the lines are counted. Each keeps its fastest round. `--check` ends with 1 if
scopeflow's rate is less than seven times the peer's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

from contestants import OURS, PEER, nemo_relay, scopeflow

SCOPES = 5_000
LEAST = 7.0
INPUT = {"query": "which service had the most trouble", "limit": 3, "tags": ["deploys", "search"]}
METADATA = {"session": "7f3a", "attempt": 1}


def exporter_of(library: ModuleType, path: Path):
    config = library.AtofExporterConfig()
    config.output_directory = path.parent if library is scopeflow else str(path.parent)
    config.filename = path.name
    config.mode = library.AtofExporterMode.Overwrite
    return library.AtofExporter(config)


def events_a_second(library: ModuleType, path: Path) -> float:
    exporter = exporter_of(library, path)
    exporter.register("file")
    push, pop, kind = library.scope.push, library.scope.pop, library.ScopeType.Function
    began_at = time.perf_counter()
    for _ in range(SCOPES):
        pop(push("plan", kind, input=INPUT, metadata=METADATA))
    library.subscribers.flush()
    exporter.force_flush()
    taken = time.perf_counter() - began_at
    exporter.deregister("file")
    exporter.shutdown()
    with path.open("rb") as file:
        written = sum(1 for _ in file)
    if written != 2 * SCOPES:
        sys.exit(f"{library.__name__} wrote {written} of {2 * SCOPES} events")
    return written / taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where the ratio is too low")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    best = {PEER: 0.0, OURS: 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            for name, library in ((PEER, nemo_relay), (OURS, scopeflow)):
                rate = events_a_second(library, Path(folder, f"{name}.jsonl"))
                best[name] = max(best[name], rate)
    for name, rate in best.items():
        print(f"{name:<12}{rate:>12,.0f} events a second to the file")
    ratio = best[OURS] / best[PEER]
    print(f"{ratio:.1f} times the peer's rate")
    return 0 if ratio >= LEAST or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())

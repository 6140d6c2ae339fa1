"""The core's JSON parser beside yyjson, in one interleaved run.

    pip install yyjson
    python benchmarks/c/parse.py [--check] [--rounds 60]

Equal work is compared: each reads a text strictly, UTF-8 included, into a value that can be walked
(a tape here, a row of values there) and frees it. yyjson is the C code in its Python module,
called at its exported address, the core is compiled as the Python package does; neither sees
Python. Each row keeps its fastest repetition. `--check` ends with 1 where the core has less than
half of yyjson's speed.

Without yyjson or a C compiler it says so and ends with 77, which ctest takes as left out.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "native"
LIMIT = 0.5
LEFT_OUT = 77
REPETITION_BYTES = 1 << 20  # A repetition reads about so much: about a millisecond.

sys.path.insert(0, str(HERE.parent / "python"))
from request import OTHER, REQUEST_8K, REQUEST_200K  # noqa: E402 - Stands beside, not installed.


def texts() -> dict[str, bytes]:
    """What JSON is made of in practice, each kind in a text of its own."""
    source = random.Random(8785)
    numbers = [[source.uniform(-180, 180) for _ in range(2)] for _ in range(5_000)]
    integers = [source.randrange(10 ** source.randrange(1, 19)) for _ in range(10_000)]
    rows = [
        {"id": number, "name": f"user {number}", "active": number % 3 == 0, "score": number / 8}
        for number in range(2_000)
    ]
    nested: object = 1
    for _ in range(100):
        nested = {"in": [nested, True, None]}
    values = {
        "request, 8 KB": REQUEST_8K,
        "request, 200 KB": REQUEST_200K,
        "small objects": rows,
        "doubles": numbers,
        "integers": integers,
        "nested": [nested] * 20,
        "beyond ASCII": [OTHER] * 1_000,
    }
    found = {
        name: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        for name, value in values.items()
    }
    found["escapes"] = json.dumps([OTHER] * 1_000).encode()
    found["indented"] = json.dumps(rows, indent=2).encode()
    return found


def build(compiler: str, folder: Path) -> ctypes.CDLL:
    """The core in one translation unit, with the functions that time."""
    unity = folder / "parse_all.c"
    sources = ["base/memory.c", "base/buffer.c", "base/utf8.c", "value/tape.c"]
    sources += ["json/number.c", "json/parse.c"]
    paths = [HERE / "parse.c", *(NATIVE / "src" / source for source in sources)]
    unity.write_text("".join(f'#include "{path}"\n' for path in paths))
    library = folder / "parse.so"
    includes = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    flags = ["-std=c11", "-O3", "-fPIC", "-shared", "-DNDEBUG", *includes]
    subprocess.run([compiler, *flags, str(unity), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def measure(core: ctypes.CDLL, read: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Text -> megabytes a second of the core and of yyjson."""
    core.bench_core.restype = core.bench_peer.restype = ctypes.c_int64
    core.bench_core.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_long]
    core.bench_peer.argtypes = [ctypes.c_void_p, *core.bench_core.argtypes]
    cases = texts()
    fastest: dict[tuple[str, bool], int] = {}
    for number in range(rounds):
        for name, text in cases.items():
            count = max(1, REPETITION_BYTES // len(text))
            for ours in (True, False) if number % 2 else (False, True):
                if ours:
                    taken_ns = core.bench_core(text, len(text), count)
                else:
                    taken_ns = core.bench_peer(read, text, len(text), count)
                assert taken_ns > 0, f"{'the core' if ours else 'yyjson'} refused {name}"
                before = fastest.get((name, ours), taken_ns)
                fastest[name, ours] = min(before, taken_ns)
    result = {}
    for name, text in cases.items():
        megabytes = max(1, REPETITION_BYTES // len(text)) * len(text) * 1e3
        result[name] = (megabytes / fastest[name, True], megabytes / fastest[name, False])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where the core is too slow")
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    compiler = os.environ.get("CC") or "cc"
    peer = importlib.util.find_spec("cyyjson")
    missing = [] if shutil.which(compiler) else [compiler]
    missing += [] if peer is not None and peer.origin else ["the Python package yyjson"]
    if missing:
        print(f"left out: {' and '.join(missing)} not found")
        return 1 if os.environ.get("CI") else LEFT_OUT

    read = ctypes.cast(ctypes.PyDLL(peer.origin).yyjson_read_opts, ctypes.c_void_p).value
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(build(compiler, Path(folder)), read, arguments.rounds)
    print(f"megabytes a second, the fastest of {arguments.rounds}\n")
    print(f"{'':<20}{'scopeflow':>12}{'yyjson':>12}{'of yyjson':>12}")
    passed = True
    for name, (ours, theirs) in figures.items():
        ok = ours / theirs >= LIMIT
        passed &= ok
        note = "" if ok else f"   below {LIMIT}"
        print(f"{name:<20}{ours:>12,.0f}{theirs:>12,.0f}{ours / theirs:>12.2f}{note}")
    return 0 if passed or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())

"""The core's JSON parser and canonical writer against third-party data.

`test_json_corpora.py PROGRAM`: the program is json_corpus.c. The data lies beside the repository,
in ../shared/corpora, and is not part of it; without it the test is left out.

- JSONTestSuite (Nicolas Seriot): a `y_` text must be accepted, an `n_` text refused, with an `i_`
  text either will do. What is accepted has to mean what Python's parser reads.
- RFC 8785 (Anders Rundgren): input and canonical output, byte for byte.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
SUITE = CORPORA / "json-test-suite" / "test_parsing"
CANONICAL = CORPORA / "json-canonicalization" / "testdata"
LEFT_OUT = 77
DEPTH_LIMIT = 128  # S2.6


def written(program: str, texts: list[bytes]) -> list[bytes]:
    """What the core makes of each text."""
    data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    done = subprocess.run([program], input=data, capture_output=True, check=True)
    lines = done.stdout.split(b"\n")[:-1]
    assert len(lines) == len(texts), f"{len(lines)} lines came out of {len(texts)} texts"
    return lines


def is_refused(text: bytes, line: bytes) -> bool:
    """A refused text comes out as itself in quotes; no accepted one can, for it has lost some."""
    return json.loads(line) == text.decode("utf-8", errors="replace")


def as_python_reads(text: bytes) -> Any:
    """The value, with what S2.6 makes of numbers and texts that JSON cannot keep."""
    return _encodable(json.loads(text.decode("utf-8"), parse_float=_double), 0)


def _double(digits: str) -> float | None:
    value = float(digits)
    return None if value in (float("inf"), float("-inf")) else value


def _encodable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return {"$integer": str(value)}
    if isinstance(value, (dict, list)) and depth == DEPTH_LIMIT:
        return {"$depth": DEPTH_LIMIT}
    if isinstance(value, dict):
        items = value.items()
        return {_encodable(key, depth): _encodable(item, depth + 1) for key, item in items}
    if isinstance(value, list):
        return [_encodable(item, depth + 1) for item in value]
    return value


def check_suite(program: str) -> Iterator[str]:
    """Yields a sentence for each text that is not dealt with as its name says."""
    files = sorted(SUITE.glob("*.json"))
    texts = [file.read_bytes() for file in files]
    counts = {"y": 0, "n": 0, "i": 0}
    for file, text, line in zip(files, texts, written(program, texts), strict=True):
        refused = is_refused(text, line)
        counts[file.name[0]] += 1
        if refused == (file.name[0] == "y") and file.name[0] != "i":
            yield f"{file.name}: {'refused' if refused else 'accepted'}: {text[:60]!r}"
        elif not refused and json.loads(line) != as_python_reads(text):
            yield f"{file.name}: {text[:60]!r} became {line[:60]!r}"
    print(", ".join(f"{count} {kind}_ texts" for kind, count in counts.items()))
    if min(counts["y"], counts["n"]) < 90:
        yield "the suite is not complete"


def check_canonical(program: str) -> Iterator[str]:
    """Yields a sentence for each text whose canonical form is not that of RFC 8785."""
    inputs = sorted((CANONICAL / "input").glob("*.json"))
    outputs = [CANONICAL / "output" / file.name for file in inputs]
    # What is canonical already has to stay so.
    texts = [file.read_bytes() for file in inputs + outputs]
    expected = [file.read_bytes() for file in outputs + outputs]
    for file, line, want in zip(inputs + outputs, written(program, texts), expected, strict=True):
        if line != want:
            yield f"{file.parent.name}/{file.name}: {line!r} instead of {want!r}"
    print(f"{len(texts)} texts in canonical form")
    if len(inputs) < 6:
        yield "the data is not complete"


def main() -> int:
    (program,) = sys.argv[1:]
    if not SUITE.is_dir() or not CANONICAL.is_dir():
        print("left out: the corpora are not here, in ../shared/corpora beside the repository")
        return LEFT_OUT
    findings = [*check_suite(program), *check_canonical(program)]
    print("\n".join(findings) or "all as it should be")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

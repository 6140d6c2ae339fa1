"""The WebAssembly build under wasmtime: does what Node did with it, case by case of the vectors.

    python replay.py <node> <record.mjs>

record.mjs replays the vectors in Node and tells all that crosses the module's border. Here the same
calls are made with the same memory, what the module asks for is answered as it was there, and what
comes out has to be the same to the byte: results, slots, what is asked, and every text that is
read, among them the lines of events that the vectors expect.
"""

from __future__ import annotations

import base64
import ctypes
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SKIPPED = 77
LEAST_CASES = 400

try:
    import wasmtime
except ImportError:
    print("left out: the package wasmtime is not installed (requirements-dev.txt)")
    sys.exit(SKIPPED)


class Differs(Exception):
    """The module has done something else than in Node."""


class Replay:
    """The module with its memory, and the rows that are still to come."""

    def __init__(self, path: Path):
        self.store = wasmtime.Store()
        module = wasmtime.Module.from_file(self.store.engine, str(path))
        asked = [self._asked(each) for each in module.imports]
        exports = wasmtime.Instance(self.store, module, asked).exports(self.store)
        self.memory = exports["memory"]
        self.functions = {
            name: (each, [str(kind) for kind in each.type(self.store).params])
            for name, each in exports.items()
            if isinstance(each, wasmtime.Func)
        }
        self.rows: Iterator[list[Any]] = iter(())
        self.slots_address = self.functions["slotsAddress"][0](self.store)
        self.slots = b""
        self.read: set[str] = set()
        self.open: list[tuple[str, str]] = []
        self.error: BaseException | None = None

    def case(self, rows: list[list[Any]]) -> None:
        """Does what was done in a case."""
        self.rows = iter(rows)
        self.read.clear()
        self.open.clear()
        for row in self.rows:
            self._do(row)

    def _do(self, row: list[Any]) -> None:
        if row[0] == "call":
            self._call(*row[1:])
        elif row[0] == "read":
            self.read.add(self._read(*row[1:]))
        elif row[0] == "open":
            text = self._read(*row[1:4]).encode()
            self.open.append((text[: row[4]].decode(), text[row[4] :].decode()))
        else:
            raise Differs(f"{row} without what it belongs to")

    def _call(self, name: str, given: list[Any], written: list[list[Any]]) -> None:
        self._write(written)
        function, kinds = self.functions[name]
        values = map(number, padded(given, kinds), kinds)
        try:
            result = function(self.store, *values)
        except Exception:
            if self.error is not None:
                raise self.error from None
            raise
        kind, expected, slots = next(self.rows)
        if kind != "return":
            raise Differs(f"{name} returned {result}, and in Node there was {kind} {expected}")
        if result != (None if expected is None else type(result)(expected)):
            raise Differs(f"{name} returned {result}, in Node {expected}")
        self._compare_slots(name, slots)

    def _compare_slots(self, name: str, expected: str | None) -> None:
        if expected is not None:
            self.slots = base64.b64decode(expected)
        here = self._bytes(self.slots_address, len(self.slots))
        if here != self.slots:
            raise Differs(f"{name} left {here.hex()} in the slots, in Node {self.slots.hex()}")

    def _read(self, address: int, size: int, expected: str) -> str:
        here = self._bytes(address, size).decode("utf-8")
        if here != expected:
            raise Differs(f"read {here!r}, in Node {expected!r}")
        return here

    def has_read(self, line: str) -> bool:
        """Whether a line was read whole, or one that was open and the text of its data."""
        return line in self.read or any(
            line.startswith(head)
            and line.endswith(tail)
            and line[len(head) : len(line) - len(tail)] in self.read
            for head, tail in self.open
        )

    def _asked(self, what: Any) -> Any:
        def answer(*given: Any) -> Any:
            try:
                return self._answer(what.name, list(given))
            except BaseException as error:
                self.error = error
                raise

        return wasmtime.Func(self.store, what.type, answer)

    def _answer(self, name: str, given: list[Any]) -> Any:
        row = next(self.rows)
        if row[:2] != ["ask", name] or row[2] != given:
            raise Differs(f"asked for {name}{given}, in Node there was {row}")
        for row in self.rows:
            if row[0] == "answer":
                self._write(row[2])
                return row[1]
            self._do(row)
        raise Differs(f"{name} was never answered")

    # --- Memory ---

    def _bytes(self, address: int, size: int) -> bytes:
        return bytes(self.memory.read(self.store, address, address + size))

    def _write(self, written: list[list[Any]]) -> None:
        for address, content in written:
            self.memory.write(self.store, base64.b64decode(content), address)
            if address == self.slots_address:
                self.slots = base64.b64decode(content)


def padded(given: list[Any], kinds: list[str]) -> list[Any]:
    """What JavaScript leaves out is nothing, and what is too much is not looked at."""
    return (given + [None] * len(kinds))[: len(kinds)]


def number(value: Any, kind: str) -> int | float:
    """A number as the engine converts it: integers by their bits."""
    if kind == "f64":
        return float(value or 0)
    whole = int(value or 0)
    return ctypes.c_int32(whole).value if kind == "i32" else ctypes.c_int64(whole).value


def expected_lines(case: dict[str, Any]) -> Iterator[str]:
    for lines in case["events"].values():
        yield from lines


def main(node: str, recorder: str) -> None:
    replay = Replay(Path(recorder).parents[1] / "dist" / "scopeflow.wasm")
    case_count = row_count = line_count = 0
    with subprocess.Popen([node, recorder], stdout=subprocess.PIPE, encoding="utf-8") as recording:
        for text in recording.stdout or ():
            case = json.loads(text)
            name = f"{case['case']} ({case['mode']})"
            assert case["passed"], f"{name} fails in Node"
            try:
                replay.case(case["border"])
            except Differs as error:
                sys.exit(f"{name}: {error}")
            missing = [line for line in expected_lines(case) if not replay.has_read(line)]
            assert not missing, f"{name}: never read: {missing}"
            case_count += 1
            row_count += len(case["border"])
            line_count += len(list(expected_lines(case)))
    assert recording.returncode == 0, f"the recorder ended with {recording.returncode}"
    assert case_count >= LEAST_CASES, f"only {case_count} cases"
    print(f"{case_count} cases, {row_count} crossings and {line_count} lines are as in Node")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A host in Python for the WebAssembly build: what a program in any language with an engine writes.

    python host.py <scopeflow.wasm> <folder of the vectors>

Functions are called by what the spec knows of them (spec/gen/flat.py), none by hand; the steps of a
task are done as spec/api/task.yaml tells. It does those vectors in which no middleware is scripted:
subscribers, and targets that return or raise. The lines of the events have to be those that the
vectors expect. What Node does with all others, replay.py does, too.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Any

ROOT = Path(__file__).parents[2]
SKIPPED = 77
LEAST_CASES = 60
TIMESTAMP_NONE = -(2**63)
RUNTIME = {
    "clock_start": 1767225600000000000,
    "clock_step": 1_000_000,
    "payload_budget": 1_048_576,
}
DETERMINISTIC = ["deterministic", "canonical"]

try:
    import wasmtime
except ImportError:
    print("left out: the package wasmtime is not installed (requirements-dev.txt)")
    sys.exit(SKIPPED)

sys.path.insert(0, str(ROOT))
from spec.gen import flat  # noqa: E402
from spec.gen.spec import read_api  # noqa: E402

API = read_api(ROOT / "spec").of_language("node")
FUNCTIONS = {each.id: each for each in flat.functions(API)}
NUMBERS = {each.name: {v.name: v.value for v in each.values} for each in API.enums} | {
    each.name: {bit.name: bit.value for bit in each.bits} for each in API.flags
}
ERRORS = {each.value: each.name for each in API.errors}
STEP = {field.name: at for field, at in flat.slot_indexes(API.struct("step"))}
KIND = {number: name for name, number in NUMBERS["step_kind"].items()}
ANSWER = NUMBERS["answer_kind"]
PAYLOADS = ("payload", "ref", "error", "callable")


class Refused(Exception):
    """A status that is an error; the text is its name."""


class CannotExpress(Exception):
    """The case needs what this host has not."""


class Thrown(Exception):
    """An error of the application's: a target that fails, or what an end is given as its error."""

    def __init__(self, script: dict[str, str]):
        super().__init__(script["message"])
        self.script = script


class Module:
    """The module as functions of numbers and texts, and what it asks of its host."""

    def __init__(self, path: str):
        self.store = wasmtime.Store()
        module = wasmtime.Module.from_file(self.store.engine, path)
        asked = [
            wasmtime.Func(self.store, each.type, getattr(self, f"_{each.name}"))
            for each in module.imports
        ]
        self.exports = wasmtime.Instance(self.store, module, asked).exports(self.store)
        self.objects: dict[int, Any] = {}
        self.next_ref = 1

    def plain(self, name: str, *given: float) -> Any:
        return self.exports[name](self.store, *given)

    def call(self, id: str, given: dict[str, Any]) -> Any:
        """Calls an operation. Raises Refused; gives what an accessor returns, else nothing."""
        function = FUNCTIONS[id]
        blocks: list[tuple[int, int]] = []
        numbers = [n for p in function.passed for n in self._numbers(p, given, blocks)]
        for parameter, index in function.slotted:
            self._put_in_slots(index, parameter.way, *self._numbers(parameter, given, blocks))
        if given:
            raise CannotExpress(f"{id} has no {', '.join(given)}")
        result = self.plain(function.name, *numbers)
        for address, size in blocks:
            self.plain("deallocate", address, size)
        if function.returns == "status" and result in ERRORS:
            raise Refused(ERRORS[result])
        return result

    def slot(self, index: int) -> int:
        address = self.plain("slotsAddress") + 8 * index
        view = memoryview(bytes(self.exports["memory"].read(self.store, address, address + 8)))
        return int(view.cast("d")[0])

    def _put_in_slots(self, index: int, way: str, value: int) -> None:
        """What begins or resumes a task takes its numbers by the slots, 64 bits in two halves."""
        halves = [value >> 32, value & 0xFFFFFFFF] if way in ("timestamp", "i64") else [value]
        if way == "timestamp" and value == TIMESTAMP_NONE:
            halves = [math.nan]
        address = self.plain("slotsAddress") + 8 * index
        self.exports["memory"].write(self.store, struct.pack(f"<{len(halves)}d", *halves), address)

    def text(self, address: int, size: int) -> str:
        return bytes(self.exports["memory"].read(self.store, address, address + size)).decode()

    def give(self, value: Any) -> int:
        ref = self.next_ref
        self.next_ref += 1
        self.objects[ref] = value
        return ref

    # --- Arguments ---

    def _numbers(self, parameter: flat.Parameter, given: dict, blocks: list) -> Iterator[float]:
        source = parameter.source
        if source is None:
            yield given.pop(parameter.name)
            return
        value = given.pop(source.name, getattr(source, "default", None))
        way = parameter.way
        if way in ("text", "bytes"):
            yield from self._put(value, blocks)
        elif source.type.kind in PAYLOADS:
            yield 0 if value is None else self.give(value)
        elif way == "timestamp":
            yield TIMESTAMP_NONE if value is None else int(value)
        else:
            yield number(value, source.type)

    def _put(self, text: str | None, blocks: list) -> tuple[int, int]:
        if text is None:
            return 0, 0
        content = text.encode()
        address = self.plain("allocate", len(content) + 1)
        self.exports["memory"].write(self.store, content, address)
        blocks.append((address, len(content) + 1))
        return address, len(content)

    # --- What the module asks for ---

    def _release(self, ref: int) -> None:
        del self.objects[ref]

    def _encode(self, ref: int, tape: int, _limit: float) -> None:
        self.call("tape_put_json", {"self": tape, "json": self.objects[ref]})

    def _describe_error(self, ref: int, tape: int) -> None:
        error = self.objects[ref]
        self.call("tape_put_json", {"self": tape, "json": json.dumps(error.script)})

    def _core_codec(self, _ref: int) -> int:
        return 0  # Codecs of scripts are none of the core's own.

    def _log(self, *_given: int) -> None:
        pass

    def _clock(self) -> float:
        return time.time_ns() / 1000

    def _entropy(self, address: int, size: int) -> None:
        self.exports["memory"].write(self.store, token_bytes(size), address)


def number(value: Any, kind: Any) -> int:
    """A value of the spec or of a vector: names stand for numbers."""
    names = NUMBERS.get(kind.name, {})
    if isinstance(value, list):
        return sum(names[name] for name in value)
    if isinstance(value, str):
        return names[value] if value in names else int(value)
    return int(value or 0)


class Session:
    """One case: its runtime, its labels and what its subscribers have seen."""

    def __init__(self, module: Module, case: dict[str, Any]):
        self.module = module
        self.case = case
        options = RUNTIME | case.get("runtime", {})
        module.call("runtime_new", {"flags": DETERMINISTIC, **options})
        self.runtime = module.slot(0)
        self.current = 0
        self.openers: dict[int, int] = {}
        self.labels: dict[str, int] = {}
        self.seen: dict[str, list[str]] = {}

    def run(self) -> None:
        for step in self.case["steps"]:
            self._step(step)
        for label, lines in self.case.get("expect", {}).get("events", {}).items():
            assert self.seen.get(label, []) == lines, f"{label}: {self.seen.get(label)}"

    def _step(self, step: dict[str, Any]) -> None:
        expected = step.get("expect", {})
        try:
            outcome = self._perform(step)
        except Refused as error:
            assert str(error) == expected.get("status"), f"{step}: {error}"
            return
        except Thrown as error:
            assert error.script == expected.get("raise"), f"{step}: {error}"
            return
        assert not expected.keys() & {"status", "raise", "cancel"}, f"{step} succeeded"
        if "as" in step:
            self.labels[step["as"]] = outcome
        if "value" in expected:
            assert json.loads(outcome) == json.loads(expected["value"]["json"])
        elif "out" in expected and not isinstance(expected["out"], dict):
            assert self.module.slot(0) == expected["out"] or outcome == expected["out"]

    def _perform(self, step: dict[str, Any]) -> Any:
        function = FUNCTIONS.get(step.get("op", ""))
        if function is None or "context" in step:
            raise CannotExpress(str(step))
        given = {name: self._argument(value) for name, value in step.get("args", {}).items()}
        names = [parameter.name for parameter in function.parameters]
        if "self" in names:
            given["self"] = self._label(step["on"]) if "on" in step else self.runtime
        if "current" in names:
            given["current"] = self.current
        if "parent" in given:
            given["parent"] = self._label(given["parent"])
        if function.operation.kind != "task":
            result = self.module.call(step["op"], given)
            if step["op"] == "scope_new_root":
                self.current = self.module.slot(0)
            return self.module.slot(0) if function.out_type else result
        task = self.module.plain("taskNew")
        try:
            self.module.call(step["op"], {"task": task, **given})
            return self._drive(task, step)
        finally:
            self.module.plain("taskFree", task)

    def _label(self, name: str) -> int:
        if name in self.labels:
            return self.labels[name]
        if name != "root":
            raise CannotExpress(f"the scope {name}")
        self.module.call("runtime_root", {"self": self.runtime})
        return self.module.slot(0)

    @staticmethod
    def _argument(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "json" in value:
            return value["json"]
        if "times" in value:
            return value["text"] * value["times"]
        if value.keys() == {"type", "message"}:
            return Thrown(value)
        if value.keys() == {"label"}:
            return value["label"]
        raise CannotExpress(str(value))

    # --- Steps of a task ---

    def _drive(self, task: int, step: dict[str, Any]) -> Any:
        module = self.module
        while True:
            kind = KIND[module.slot(STEP["kind"])]
            if kind == "deliver":
                self._deliver()
                answer = (ANSWER["value"], None)
            elif kind == "execute":
                if self.module.slot(STEP["callable"]) == 0:
                    # With the step for the target a reference to the span comes.
                    self.module.call("scope_release", {"self": self.module.slot(STEP["scope"])})
                answer = self._execute(step.get("target"))
            elif kind == "done":
                return self._done(step)
            elif kind == "return":
                return module.objects.pop(module.slot(STEP["value"]))
            elif kind == "raise":
                status, ref = module.slot(STEP["status"]), module.slot(STEP["value"])
                raise module.objects.pop(ref) if ref else Refused(ERRORS[status])
            else:
                raise CannotExpress(kind)
            kind, value = answer
            module.call("task_resume", {"task": task, "kind": kind, "value": value})

    def _deliver(self) -> None:
        label = self.module.objects[self.module.slot(STEP["callable"])]
        event = self.module.slot(STEP["event"])
        self.module.call("event_json", {"self": event, "part": "line"})
        line = self.module.text(self.module.slot(0), self.module.slot(1))
        self.seen.setdefault(label, []).append(line)

    def _execute(self, target: dict[str, Any] | None) -> tuple[int, Any]:
        if target is None or not target.keys() <= {"return", "raise", "label"}:
            raise CannotExpress(f"the target {target}")
        if "raise" in target:
            return ANSWER["error"], Thrown(target["raise"])
        return ANSWER["value"], self._argument(target["return"])

    def _done(self, step: dict[str, Any]) -> int:
        """The current scope is the one that was opened last and is in force (S1.5)."""
        scope = self.module.slot(STEP["scope"])
        if step["op"] == "scope_push":
            self.openers[scope] = self.current
            self.current = scope
        while self.current and not self.module.call("scope_is_in_force", {"self": self.current}):
            self.current = self.openers.get(self.current, 0)
        return scope


def cases(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.json")):
        if file.name != "schema.json":
            yield from json.loads(file.read_text("utf-8"))["cases"]


def main(path: str, vectors: str) -> None:
    module = Module(path)
    done = line_count = 0
    for case in cases(Path(vectors)):
        try:
            session = Session(module, case)
            session.run()
        except CannotExpress:
            continue
        except Exception as error:
            sys.exit(f"{case['id']}: {error!r}")
        done += 1
        line_count += sum(len(lines) for lines in session.seen.values())
    assert done >= LEAST_CASES, f"only {done} cases"
    print(f"{done} cases, {line_count} lines are as the vectors have them")


if __name__ == "__main__":
    main(*sys.argv[1:])

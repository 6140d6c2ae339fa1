"""The coverage gate: what of the spec and of the contract no vector reaches, and why.

`coverage.py PROGRAM`: the program is tests/c/vectors.c, which replays all files and says what they
reach: operations, errors, registries, step, answer and event kinds, what callables in C decide.
Rules are those that the cases cite; what stands in events is read from their expected lines.
Everything that no vector reaches is printed. What coverage.yaml does not list with a reason fails
the gate, and so does a listed thing that is reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from spec.gen.model import Api, Enum  # noqa: E402
from spec.gen.spec import read_api  # noqa: E402

# The steps that a host answers.
ANSWERED = ("invoke", "deliver", "execute", "stream", "finalize", "codec")


def operations_of(api: Api) -> dict[str, tuple[str, ...]]:
    """The operations that an application calls, with their errors."""
    called = [op for op in api.operations if op.kind in ("call", "task", "accessor")]
    called = [op for op in called if op.module != "task"]  # a runner's own business
    return {op.id: op.errors for op in called if op.on is None or op.on.name != "tape"}


def wanted_of_spec(api: Api, excused: list[str]) -> Iterator[str]:
    """All that the vectors should reach; an operation out of reach is one thing, not many."""
    for op, errors in operations_of(api).items():
        yield f"operation {op}"
        if not any(fnmatchcase(f"operation {op}", pattern) for pattern in excused):
            yield from (f"error {error} of {op}" for error in errors)
    yield from (f"status {error.name}" for error in api.errors)
    yield from (f"registry {registry.name}" for registry in api.registries)
    yield from (f"step kind {kind.name}" for kind in api.enum("step_kind").values)
    for registry in api.registries:
        if registry.name != "llm_stream_execution_intercept":  # ADR 0020
            yield f"native {registry.name}"
    for decision in api.enum("native_decision").values:
        yield from (f"decision {decision.name} {m.name}" for m in api.enum("native_moment").values)
    for kind in api.enum("answer_kind").values:
        yield from (f"answer {kind.name} to {step}" for step in ANSWERED)
    yield from ("event kind mark", "event kind scope start", "event kind scope end")
    assert api.wire is not None and api.encodings is not None
    yield from (f"category {value.name}" for value in api.enum(api.wire.categories).values)
    yield from (f"profile key {key}" for key in (*api.wire.profile, *api.wire.annotations))
    yield from (f"metadata key {key.key}" for key in api.wire.metadata)
    yield from (f"marker {marker.key}" for marker in api.encodings.markers)
    for flags in api.flags:
        yield from (f"attribute {bit.name}" for bit in flags.bits if flags.wire)


def reached_by_replay(api: Api, lines: list[str]) -> Iterator[str]:
    """Names for what the program says, which is in numbers where the core has no names."""
    registries = {registry.value: registry.name for registry in api.registries}
    for line in lines:
        kind, *rest = line.split()
        if kind == "operation":
            yield f"operation {rest[0]}"
        elif kind == "error":
            yield f"error {rest[0]} of {rest[2]}"
            yield f"status {rest[0]}"
        elif kind == "registry":
            yield f"registry {registries[int(rest[0])]}"
        elif kind == "native":
            yield f"native {registries[int(rest[0])]}"
        elif kind == "decision":
            moment = _name(api.enum("native_moment"), rest[1])
            yield f"decision {_name(api.enum('native_decision'), rest[0])} {moment}"
        elif kind == "step":
            yield f"step kind {_name(api.enum('step_kind'), rest[0])}"
        elif kind == "answer":
            answer = _name(api.enum("answer_kind"), rest[0])
            yield f"answer {answer} to {_name(api.enum('step_kind'), rest[2])}"
        elif kind == "event":
            category = _name(api.enum("scope_category"), rest[1])
            name = _name(api.enum("event_kind"), rest[0])
            yield f"event kind {name}" if category == "none" else f"event kind {name} {category}"


def _name(enum: Enum, number: str) -> str:
    return next(value.name for value in enum.values if value.value == int(number))


def reached_by_lines(api: Api, cases: list[dict[str, Any]]) -> Iterator[str]:
    """What stands in the expected events."""
    assert api.wire is not None and api.encodings is not None
    for case in cases:
        yield from (f"rule {rule}" for rule in case["rules"])
        for lines in case["expect"].get("events", {}).values():
            for line in lines:
                event = json.loads(line)
                yield f"category {event['category']}"
                yield from (f"attribute {name}" for name in event.get("attributes", []))
                yield from (f"profile key {key}" for key in event["category_profile"] or {})
                if isinstance(event["metadata"], dict):
                    yield from (f"metadata key {key}" for key in event["metadata"])
                for marker in api.encodings.markers:
                    if f'{{"{marker.key}":' in line or f',"{marker.key}":' in line:
                        yield f"marker {marker.key}"


def judge(wanted: list[str], reached: set[str], listed: dict[str, str]) -> tuple[list[str], int]:
    """What to print about each thing that is not as it should be, and how many findings it has."""
    printed, failed, used = [], 0, set()
    for thing in wanted:
        reasons = [pattern for pattern in listed if fnmatchcase(thing, pattern)]
        used.update(reasons)
        if thing in reached and reasons:
            printed.append(f"REACHED though listed: {thing}")
            failed += 1
        elif thing not in reached and reasons:
            printed.append(f"not reached: {thing}: {listed[reasons[0]]}")
        elif thing not in reached:
            printed.append(f"NOT REACHED: {thing}")
            failed += 1
    idle = [f"NO SUCH THING: {pattern}" for pattern in listed if pattern not in used]
    unknown = {thing for thing in reached if thing.startswith("rule ")} - set(wanted)
    idle += [f"NO SUCH RULE: {thing}" for thing in sorted(unknown)]
    return printed + idle, failed + len(idle)


def main(arguments: list[str]) -> int:
    (program,) = arguments
    api = read_api(ROOT / "spec")
    data = yaml.safe_load((HERE / "coverage.yaml").read_text(encoding="utf-8"))
    listed = data["out_of_reach"]
    rules = [
        f"rule {group}.{i + 1}" for group, count in data["rules"].items() for i in range(count)
    ]
    wanted = [*wanted_of_spec(api, list(listed)), *rules]

    files = [path for path in sorted(HERE.glob("*.json")) if path.name != "schema.json"]
    cases = [case for file in files for case in json.loads(file.read_text("utf-8"))["cases"]]
    replay = subprocess.run([program, "--reached", *files], capture_output=True, text=True)
    if replay.returncode != 0:
        print(f"the vectors fail:\n{replay.stderr}")
        return 1
    told = [
        line.removeprefix("reached ") for line in replay.stdout.splitlines() if "reached" in line
    ]
    reached = {*reached_by_replay(api, told), *reached_by_lines(api, cases)}

    printed, failed = judge(wanted, reached, listed)
    print("\n".join(printed))
    print(f"{len(set(wanted) & reached)} of {len(wanted)} things are reached, {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

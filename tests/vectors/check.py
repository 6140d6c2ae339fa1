"""Checks the vector files beyond their schema, and lays them out in one form.

`python tests/vectors/check.py` fails with one line per finding; `--format` rewrites the files. What
is checked here and not by the schema: names against the spec, labels and contexts before their
use, ids, counts, the shape of expected lines, and that every error that the spec lists for an
operation is produced by a case.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COLUMNS = 100
sys.path.insert(0, str(ROOT))

from spec.gen.model import Api  # noqa: E402
from spec.gen.spec import read_api  # noqa: E402

# Errors that no vector can bring about, and where they are: for every operation that lists them ...
PROVOKED_ELSEWHERE = {
    "no_memory": "`vectors --failing-allocator` fails every allocation in turn (tests/c)",
    "cancelled": "the host's own cancellation comes out as itself, see `tool-cancelled`",
}
# ... and for single ones. A null pointer or an unknown flag bit can only be given in C, and a scope
# of the parent process needs a fork (S1.13): tests/c/test_arguments.c and tests/c/test_fork.c.
_ONLY_IN_C = {
    "runtime_flush": ["invalid_argument"],
    "scope_describe": ["invalid_argument"],
    "scope_push": ["invalid_state"],
    "scope_pop": ["invalid_state"],
    "register_tool_conditional_execution_guardrail": ["invalid_argument"],
    "scope_register_tool_conditional_execution_guardrail": ["invalid_argument", "invalid_state"],
    "deregister_tool_conditional_execution_guardrail": ["invalid_argument"],
    "scope_deregister_tool_conditional_execution_guardrail": ["invalid_argument"],
    "deregister_subscriber": ["invalid_argument"],
    "scope_deregister_subscriber": ["invalid_argument"],
    "scope_register_subscriber": ["invalid_state"],
}
# Operations that have no vectors, and where they are tested instead.
TESTED_ELSEWHERE = {
    "runtime_new": "every runner makes one for each case",
    "runtime_root": "every runner takes the label `root` from it",
    "runtime_read_stats": "`stats` of a case",
    "runtime_after_fork": "needs a process; tests/c/test_fork.c",
    "scope_metadata": "for a host's garbage collector; tests/c/test_scopes.c",
    "runtime_callable_at": "for a host's garbage collector; tests/c/test_scopes.c",
    "scope_callable_at": "for a host's garbage collector; tests/c/test_scopes.c",
    "event_describe": "tests/c/test_events.c",
    "event_json": "every runner reads its lines with it",
    "event_seal": "tests/c/test_events.c",
    "task_resume": "misuse is for drivers only; tests/c/test_protocol.c",
    "atof_sink_open": "needs files; tests/c/test_sink.c",
    "atof_sink_register": "needs files; tests/c/test_sink.c",
    "atof_sink_flush": "needs files; tests/c/test_sink.c",
}


def pretty(value: Any, indent: int = 0, used: int = 0) -> str:
    """JSON text that puts a container on one line where it fits, with two spaces of indent.

    `used` is how many columns of the first line are taken already.
    """
    flat = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    if used + len(flat) < COLUMNS or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, list):
        parts = [pad + pretty(item, indent + 2, indent + 2) for item in value]
        return "[\n" + ",\n".join(parts) + "\n" + " " * indent + "]"
    heads = [(f"{pad}{json.dumps(key)}: ", item) for key, item in value.items()]
    parts = [head + pretty(item, indent + 2, len(head)) for head, item in heads]
    return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"


def document_text(document: Any) -> str:
    """A whole file in the one form."""
    return pretty(document) + "\n"


class Operations:
    """The operations of the spec that a vector can call, with arguments and errors."""

    def __init__(self, api: Api) -> None:
        called = [op for op in api.operations if op.kind in ("call", "task", "accessor")]
        called = [op for op in called if op.on is None or op.on.name != "tape"]
        self.wire = api.wire
        self.arguments = {op.id: {a.name: a.type.kind for a in op.arguments} for op in called}
        self.errors = {op.id: op.errors for op in called}
        self.on_scope = {op.id for op in called if op.on and op.on.spelling == "handle.scope"}


class CaseCheck:
    """Walks one case in order of execution and collects what is wrong with it."""

    def __init__(self, case: dict[str, Any], operations: Operations) -> None:
        self.case = case
        self.operations = operations
        self.labels = {"root", "elsewhere"}
        self.contexts = {"main"}
        self.callables: set[str] = set()
        self.findings: list[str] = []
        self.seen_errors: set[tuple[str, str]] = set()

    def run(self) -> None:
        self.steps(self.case["steps"])
        expect = self.case["expect"]
        for label in [*expect.get("events", {}), *expect.get("calls", [])]:
            if label not in self.callables:
                self.findings.append(f"nothing is labelled {label!r}")
        for label, lines in expect.get("events", {}).items():
            for line in lines:
                self.line(label, line)

    def steps(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            context = step.get("context", "main")
            if "fork" in step:
                if step["fork"] not in self.contexts:
                    self.findings.append(f"unknown context {step['fork']!r}")
                self.contexts.add(context)
                continue
            if context not in self.contexts:
                self.findings.append(f"unknown context {context!r}")
            if "abandon" in step:
                self.label(step["abandon"])
                continue
            self.operation(step)

    def operation(self, step: dict[str, Any]) -> None:
        op = step["op"]
        arguments = self.operations.arguments.get(op)
        if arguments is None:
            self.findings.append(f"the spec has no operation {op!r}")
            return
        if ("on" in step) != (op in self.operations.on_scope):
            self.findings.append(f"{op}: `on` is for operations on a scope, and needed there")
        if "on" in step:
            self.label(step["on"])
        for name, value in step.get("args", {}).items():
            kind = arguments.get(name)
            if kind is None:
                self.findings.append(f"{op} has no argument {name!r}")
            elif kind == "handle":
                self.label(value)
            elif kind == "callable":
                self.callable(value)
            elif kind == "payload" and "json" in value:
                self.payload(name, value["json"])
        if "target" in step:
            if op != "tool_execute":
                self.findings.append(f"{op} takes no target")
            target = step["target"]
            self.labels |= {target["as"]} if "as" in target else set()
            self.callables |= {target["label"]} if "label" in target else set()
            self.steps(target.get("steps", []))
        status = step.get("expect", {}).get("status")
        if status is not None:
            self.seen_errors.add((op, status))
        if "as" in step:
            self.labels.add(step["as"])

    def payload(self, name: str, text: str) -> None:
        try:
            json.loads(text)
        except ValueError as error:
            self.findings.append(f"{name} is no JSON text: {error}: {text[:80]}")

    def callable(self, value: dict[str, Any]) -> None:
        self.callables.add(value["label"])
        for answer in value.get("answers", []):
            self.steps(answer.get("steps", []))

    def label(self, label: str) -> None:
        if label not in self.labels:
            self.findings.append(f"unknown label {label!r}")

    def line(self, label: str, line: str) -> None:
        try:
            keys = list(json.loads(line))
        except ValueError as error:
            self.findings.append(f"a line of {label} is no JSON: {error}: {line[:80]}")
            return
        wire = self.operations.wire
        if tuple(keys) not in (wire.common + wire.scope, wire.common + wire.mark):
            self.findings.append(f"a line of {label} has not the keys of S2.1: {keys}")


def check_files(paths: list[Path]) -> Iterator[str]:
    """Yields one sentence for each thing that is wrong in the files."""
    schema = json.loads((HERE / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    operations = Operations(read_api(ROOT / "spec"))
    ids: set[str] = set()
    seen_errors: set[tuple[str, str]] = set()
    seen_operations: set[str] = set()
    for path in paths:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        for error in validator.iter_errors(document):
            yield f"{path.name}: {error.json_path}: {error.message[:200]}"
        if document["case_count"] != len(document["cases"]):
            yield f"{path.name}: case_count is not {len(document['cases'])}"
        if document_text(document) != text:
            yield f"{path.name}: not laid out by `check.py --format`"
        for case in document["cases"]:
            if case["id"] in ids:
                yield f"{path.name}: {case['id']}: the id is taken"
            ids.add(case["id"])
            walk = CaseCheck(case, operations)
            walk.run()
            yield from (f"{path.name}: {case['id']}: {finding}" for finding in walk.findings)
            seen_errors |= walk.seen_errors
            text = json.dumps(case)
            seen_operations |= {op for op in operations.arguments if f'"op": "{op}"' in text}
    yield from coverage(operations, seen_operations, seen_errors)


def coverage(
    operations: Operations, seen: set[str], seen_errors: set[tuple[str, str]]
) -> Iterator[str]:
    """Every operation, and every error that the spec lists for it, stands in some case."""
    for op, errors in operations.errors.items():
        if op in TESTED_ELSEWHERE:
            continue
        if op not in seen:
            yield f"no case calls {op}"
        for error in errors:
            if error in _ONLY_IN_C.get(op, []):
                continue
            if error not in PROVOKED_ELSEWHERE and (op, error) not in seen_errors:
                yield f"no case brings about {error} of {op}"


def main() -> int:
    paths = [p for p in sorted(HERE.glob("*.json")) if p.name != "schema.json"]
    if "--format" in sys.argv[1:]:
        for path in paths:
            document = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(document_text(document), encoding="utf-8")
    findings = list(check_files(paths))
    print("\n".join(findings) or f"{len(paths)} vector files are in order")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

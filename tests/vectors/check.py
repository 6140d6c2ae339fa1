"""Checks the vector files beyond their schema, and lays them out in one form.

`python tests/vectors/check.py` fails with one line per finding; `--format` rewrites the files. What
is checked here and not by the schema: names against the spec, labels and contexts before their
use, ids, counts, and the shape of expected lines. What no case reaches is coverage.py's business.
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
    """The operations of the spec that a vector can call, with their arguments."""

    def __init__(self, api: Api) -> None:
        called = [op for op in api.operations if op.kind in ("call", "task", "accessor")]
        called = [op for op in called if op.on is None or op.on.name != "tape"]
        self.wire = api.wire
        self.arguments = {op.id: {a.name: a.type.kind for a in op.arguments} for op in called}
        self.on_scope = {op.id for op in called if op.on and op.on.spelling == "handle.scope"}
        schema = json.loads((ROOT / "spec" / "atof.schema.json").read_text(encoding="utf-8"))
        self.event_schema = jsonschema.Draft202012Validator(schema)


class CaseCheck:
    """Walks one case in order of execution and collects what is wrong with it."""

    def __init__(self, case: dict[str, Any], operations: Operations) -> None:
        self.case = case
        self.operations = operations
        self.labels = {"root", "elsewhere"}
        self.contexts = {"main"}
        self.callables: set[str] = set()
        self.findings: list[str] = []

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
            event = json.loads(line)
        except ValueError as error:
            self.findings.append(f"a line of {label} is no JSON: {error}: {line[:80]}")
            return
        wire = self.operations.wire
        if tuple(event) not in (wire.common + wire.scope, wire.common + wire.mark):
            self.findings.append(f"a line of {label} has not the keys of S2.1: {list(event)}")
        for error in self.operations.event_schema.iter_errors(event):
            self.findings.append(f"a line of {label} is no event: {error.message[:200]}")


def check_files(paths: list[Path]) -> Iterator[str]:
    """Yields one sentence for each thing that is wrong in the files."""
    schema = json.loads((HERE / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    operations = Operations(read_api(ROOT / "spec"))
    ids: set[str] = set()
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

"""Checks the vector files beyond their schema, and lays them out in one form.

`python tests/vectors/check.py` fails with one line per finding; `--format` rewrites the files. What
is checked here and not by the schema: names against the spec, labels and contexts before their
use, ids, counts, and the shape of expected lines. What no case reaches is coverage.py's business.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COLUMNS = 100
sys.path.insert(0, str(ROOT))

import answers  # noqa: E402
import native_answers  # noqa: E402

from spec.gen.model import Api, Registry  # noqa: E402
from spec.gen.spec import read_api  # noqa: E402

CALLS = ("tool_execute", "llm_execute", "llm_stream_execute")  # have a target
STREAM = ("collector", "finalizer", "consume")
MOST_KNOWN_GAPS = 5


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
        called = [op for op in called if op.module != "task"]  # a runner's own business
        self.registries = {
            f"{owner}register_{registry.name}": registry
            for registry in api.registries
            for owner in ("", "scope_")
        }
        self.wire = api.wire
        self.arguments = {op.id: {a.name: a.type.kind for a in op.arguments} for op in called}
        self.on_scope = {op.id for op in called if op.on and op.on.spelling == "handle.scope"}


class CaseCheck:
    """Walks one case in order of execution and collects what is wrong with it."""

    def __init__(
        self,
        case: dict[str, Any],
        operations: Operations,
        events: jsonschema.Draft202012Validator,
    ) -> None:
        self.case = case
        self.operations = operations
        self.events = events
        self.labels = {"root", "elsewhere"}
        self.contexts = {"main"}
        self.callables: set[str] = set()
        self.continuations: set[str] = set()
        self.has_natives = False
        self.findings: list[str] = []

    def run(self) -> None:
        self.steps(self.case["steps"])
        expect = self.case["expect"]
        named = [expect.get(key, ()) for key in ("events", "calls", "given_back")]
        for label in itertools.chain(*named):
            if label not in self.callables:
                self.findings.append(f"nothing is labelled {label!r}")
        for label, lines in expect.get("events", {}).items():
            for line in lines:
                self.line(label, line)
        if self.has_natives != ("native" in self.case.get("needs", ())):
            self.findings.append("a case has native callables, or does not need `native`")

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
            elif "next" in step:
                if step["next"] not in self.continuations:
                    self.findings.append(f"nothing keeps a `next` as {step['next']!r}")
            else:
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
            elif kind == "callable" and name.endswith("codec"):
                self.codec(value)
            elif kind == "callable":
                self.registered(value, self.operations.registries[op])
            elif kind == "payload" and "json" in value:
                self.payload(name, value["json"])
                if name == "request" and op.startswith("llm_"):
                    self.llm_request(value["json"])
        if "target" in step:
            if op not in CALLS:
                self.findings.append(f"{op} takes no target")
            self.target(step["target"], is_stream=op == "llm_stream_execute")
        self.stream(step)
        if "as" in step:
            self.labels.add(step["as"])

    def payload(self, name: str, text: str) -> None:
        try:
            json.loads(text)
        except ValueError as error:
            self.findings.append(f"{name} is no JSON text: {error}: {text[:80]}")

    def llm_request(self, text: str) -> None:
        if sorted(json.loads(text)) != ["content", "headers"]:
            self.findings.append(f"an LLM request has `headers` and `content`: {text[:80]}")

    def target(self, target: dict[str, Any], is_stream: bool) -> None:
        self.labels |= {target["as"]} if "as" in target else set()
        self.callables |= {target["label"]} if "label" in target else set()
        own = {key: value for key, value in target.items() if key not in ("as", "label")}
        if len(own) > 1 and "answers" in own:
            self.findings.append("a target with answers has no outcome of its own")
        for answer in own.get("answers", [own]):
            self.steps(answer.get("steps", []))
            self.numbered(answer.get("before", {}))
            outcomes = [key for key in ("return", *answers.ERRORS) if key in answer]
            ends = is_stream and "chunks" in answer and "return" not in answer
            if len(outcomes) != 1 and not (ends and not outcomes):
                self.findings.append(f"a target has one outcome, not {outcomes}")
            if (is_stream and "return" in answer) or (not is_stream and "chunks" in answer):
                self.findings.append("a stream gives chunks, and nothing else does")

    def stream(self, step: dict[str, Any]) -> None:
        if step["op"] != "llm_stream_execute":
            self.findings += [f"{key} is for a stream" for key in STREAM if key in step]
        if "collector" in step:
            self.callable(step["collector"], answers.COLLECTOR)
        if "finalizer" in step:
            self.callable(step["finalizer"], answers.FINALIZER)
        self.numbered(step.get("consume", {}).get("between", {}))

    def numbered(self, steps: dict[str, list[dict[str, Any]]]) -> None:
        for some in steps.values():
            self.steps(some)

    def registered(self, value: dict[str, Any], registry: Registry) -> None:
        self.callable(value, answers.kind_of(registry))
        if "native" not in value:
            return
        self.has_natives = True
        self.callables.add(f"{value['label']}_after")
        self.findings += native_answers.findings(registry, value["native"])
        for answer in itertools.chain(*value["native"].values()):
            self.steps(answer.get("steps", []))

    def callable(self, value: dict[str, Any], kind: answers.Kind) -> None:
        self.callables.add(value["label"])
        for answer in value.get("answers", []):
            self.answer(answer, kind)

    def codec(self, value: dict[str, Any]) -> None:
        for action, given in value.items():
            if action != "label":
                self.callables.add(f"{value['label']}_{action}")
                for answer in given:
                    self.answer(answer, answers.CODEC)

    def answer(self, answer: dict[str, Any], kind: answers.Kind) -> None:
        self.findings += answers.findings(kind, answer)
        if "keep_next" in answer:
            self.continuations.add(answer["keep_next"])
        self.steps(answer.get("steps", []))
        self.numbered(answer.get("before", {}))
        for key in ("return", "annotated", "got"):
            if "json" in answer.get(key, {}):
                self.payload(key, answer[key]["json"])

    def label(self, label: str) -> None:
        if label not in self.labels:
            self.findings.append(f"unknown label {label!r}")

    def line(self, label: str, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError as error:
            self.findings.append(f"a line of {label} is no JSON: {error}: {line[:80]}")
            return
        wire, keys = self.operations.wire, list(event)
        if tuple(keys) not in (wire.common + wire.scope, wire.common + wire.mark):
            self.findings.append(f"a line of {label} has not the keys of S2.1: {keys}")
        for error in self.events.iter_errors(event):  # S2.9
            self.findings.append(f"a line of {label} is no event: {error.message[:200]}")


def check_files(paths: list[Path]) -> Iterator[str]:
    """Yields one sentence for each thing that is wrong in the files."""
    schema = json.loads((HERE / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    operations = Operations(read_api(ROOT / "spec"))
    atof = json.loads((ROOT / "spec" / "atof.schema.json").read_text(encoding="utf-8"))
    events = jsonschema.Draft202012Validator(atof)
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
            walk = CaseCheck(case, operations, events)
            walk.run()
            yield from (f"{path.name}: {case['id']}: {finding}" for finding in walk.findings)
    yield from check_known_gaps(ids)


def check_known_gaps(ids: set[str]) -> Iterator[str]:
    """Few gaps, each with a reason, of cases that exist."""
    gaps = yaml.safe_load((HERE / "known_gaps.yaml").read_text(encoding="utf-8"))
    for language, entries in gaps.items():
        if len(entries) > MOST_KNOWN_GAPS:
            yield f"known_gaps.yaml: {language} has more than {MOST_KNOWN_GAPS}"
        for entry in entries:
            if sorted(entry) != ["case", "reason"] or entry["case"] not in ids:
                yield f"known_gaps.yaml: {language}: no such case, or no reason: {entry}"


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

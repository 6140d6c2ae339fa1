"""Performs the cases of a vector file on the model (`tests/vectors/README.md` tells the format).

`perform(case)` returns what came out; `differences(case)` compares that with what the case expects.
Steps, answers and targets may be any iterables, so that a generator can make a step while the ones
before it are already done.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from .calls import tool_execute
from .errors import Failure, HostCancellation, HostError
from .events import Event
from .fixtures import fixture
from .middleware import REGISTRIES, Owner
from .payload import DEFAULT_BUDGET
from .runtime import Runtime
from .scopes import Context, Scope

Step = dict[str, Any]
STEP_LIMIT = 10_000  # a callback that provokes itself would never come to an end
NO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Outcome:
    """What came of a step: `value` of a success, or the error itself."""

    value: Any = None
    error: Failure | None = None

    def as_expected(self) -> dict[str, Any]:
        """In the form of a step's `expect`; an error of the runtime is known by its status."""
        if self.error is None:
            return {} if self.value is None else {"out": self.value}
        if isinstance(self.error, HostError):
            key = "cancel" if isinstance(self.error, HostCancellation) else "raise"
            return {key: {"type": self.error.type_name, "message": str(self.error)}}
        if self.error.status == "guardrail_rejected":  # the one text that the contract fixes
            return {"status": self.error.status, "message": str(self.error)}
        return {"status": self.error.status}


@dataclass
class Performed:
    """Everything that a case can expect."""

    events: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    stats: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)  # about single steps


Observer = Callable[[Step, Outcome], None]


class Session:
    """One case on its own runtime."""

    def __init__(self, case: dict[str, Any], observer: Observer | None = None) -> None:
        options = case.get("runtime", {})
        self.runtime = Runtime(
            clock_start=int(options.get("clock_start", "1767225600000000000")),
            clock_step=int(options.get("clock_step", "1000000")),
            payload_budget=options.get("payload_budget", DEFAULT_BUDGET),
        )
        self.contexts = {"main": Context("main", self.runtime.root)}
        self.scopes = {"root": self.runtime.root, "elsewhere": Runtime().root}
        self.performed = Performed()
        self.observer = observer or self.compare
        self.path: list[str] = []
        self.step_count = 0
        self.operating: list[str] = []  # the contexts of the operations that are going on

    def run(self, steps: Iterable[Step]) -> Performed:
        self.steps(steps, "main")
        self.performed.stats = {key: str(n) for key, n in asdict(self.runtime.stats).items()}
        return self.performed

    def steps(self, steps: Iterable[Step], context: str) -> None:
        for i, step in enumerate(steps):
            self.path.append(str(i))
            self.step(step, step.get("context", context))
            self.path.pop()

    def step(self, step: Step, context: str) -> None:
        self.step_count += 1
        assert self.step_count < STEP_LIMIT and len(self.operating) < 50, "the case never ends"
        if "fork" in step:
            self.contexts[context] = self.contexts[step["fork"]].fork(context)
        elif "abandon" in step:
            self.runtime.let_go(self.scopes[step["abandon"]])
        else:
            self.operation(step, self.contexts[context])

    def operation(self, step: Step, context: Context) -> None:
        """Calls an operation; `propagate` lets its error go on, once it has been looked at."""
        outcome = self.outcome(step, context)
        self.observer(step, outcome)
        if step.get("propagate"):
            assert outcome.error is not None, "nothing to propagate"
            raise outcome.error

    def outcome(self, step: Step, context: Context) -> Outcome:
        depth = len(self.path)
        self.operating.append(context.name)
        try:
            return Outcome(value=self.call(step, context))
        except Failure as error:
            return Outcome(error=error)
        finally:
            self.operating.pop()
            del self.path[depth:]

    def compare(self, step: Step, outcome: Outcome) -> None:
        """Without an expectation a step must succeed, whatever it returns."""
        expected = dict(step.get("expect", {}))
        got = outcome.as_expected()
        if "message" not in expected:
            got.pop("message", None)
        elif "message" not in got:  # the contract asks for a good text (S7.2) and leaves the words
            expected.pop("message")
        if isinstance(expected.get("out"), dict):
            got["out"] = {key: got.get("out", {}).get(key) for key in expected["out"]}
        if got != expected and not (outcome.error is None and not expected):
            where = f"step {'.'.join(self.path)} {step['op']}"
            self.performed.findings.append(f"{where}: expected {expected}, the model has {got}")

    # Operations

    def call(self, step: Step, context: Context) -> Any:
        """What the operation returns, in the form of `out`; none for a scope or a result."""
        op = step["op"]
        args = {name: self.argument(name, value) for name, value in step.get("args", {}).items()}
        if op == "scope_push":
            self.label(step, self.runtime.push(context, **args))
            return None
        if op == "scope_pop":
            return self.runtime.pop(context, self.scopes[step["on"]], **args)
        if op == "scope_event":
            return self.runtime.event(context, **args)
        if op == "runtime_flush":
            return self.runtime.flush(context)
        if op == "scope_is_open":
            return self.scopes[step["on"]].is_open
        if op == "scope_is_in_force":
            return self.scopes[step["on"]].is_in_force
        if op == "scope_describe":
            return _facts(self.scopes[step["on"]])
        if op == "tool_execute":
            tool_execute(self.runtime, context, self.target(step), **args)
            return None
        return self.registry(step, op, args)

    def registry(self, step: Step, op: str, args: dict[str, Any]) -> Any:
        """`[scope_]register_<registry>` and `[scope_]deregister_<registry>`."""
        owner: Owner = self.runtime.everywhere
        if op.startswith("scope_"):
            op, owner = op.removeprefix("scope_"), self.scopes[step["on"]]
        verb, _, registry = op.partition("_")
        if registry not in REGISTRIES:
            raise NotImplementedError(f"the model does not know {op}")
        if verb == "deregister":
            return self.runtime.deregister(owner, registry, args["name"])
        script = step["args"]["callable"]
        args["is_async"] = script.get("async", False)
        return self.runtime.register(owner, registry, **args)

    def argument(self, name: str, value: Any) -> Any:
        """A value as the model takes it; the argument's name tells what it is."""
        if name == "parent":
            return self.scopes[value]
        if name == "timestamp":
            return int(value)
        if name == "error":
            return _error(value)
        if name == "callable":
            return _Script(self, value)
        if isinstance(value, dict) and "text" in value:
            return value["text"] * value["times"]
        if isinstance(value, dict) and "b64" in value:
            return base64.b64decode(value["b64"])
        return _payload(value) if isinstance(value, dict) else value

    def label(self, step: Step, scope: Scope) -> None:
        if "as" in step:
            self.scopes[step["as"]] = scope

    # Callbacks

    def target(self, step: Step) -> Callable[[Any, Scope, Context], Any]:
        """What the target of a call does."""

        def run(request: Any, span: Scope, context: Context) -> Any:
            script = step["target"]
            self.label(script, span)
            if "label" in script:
                self.performed.calls.append(script["label"])
            self.answer(script, context)
            return _payload(script["return"])

        return run

    def answer(self, script: dict[str, Any], context: Context) -> None:
        """The steps of a target or callable, then the error that it ends with."""
        self.steps(script.get("steps", ()), context.name)
        for key in ("raise", "cancel"):
            if key in script:
                raise _error(script[key])


class _Script:
    """A guard or subscriber that a case scripts: its n-th call gets the n-th answer."""

    def __init__(self, session: Session, script: dict[str, Any]) -> None:
        self.session = session
        self.script = script
        self.answers: Iterator[dict[str, Any]] = iter(script.get("answers", ()))
        self.last: dict[str, Any] = {}

    def __call__(self, subject: str | Event, *arguments: Any) -> str | None:
        """The context comes last; a subscriber gets an event before it, a guard name and request.

        Returns the reason of a guard that refuses.
        """
        performed = self.session.performed
        label = self.script["label"]
        if isinstance(subject, Event):
            performed.events.setdefault(label, []).append(subject.line)
        performed.calls.append(label)
        answer = self.last = next(self.answers, self.last)
        self.session.answer(answer, arguments[-1])
        return answer.get("refuse")


def perform(case: dict[str, Any], observer: Observer | None = None) -> Performed:
    """Does what a case says; without an observer each step is compared with its expectation."""
    return Session(case, observer).run(case["steps"])


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """The case with all that the model expects of it, in place of what it expected before."""

    def write_down(step: Step, outcome: Outcome) -> None:
        step.pop("expect", None)
        if outcome.as_expected():
            step["expect"] = outcome.as_expected()

    performed = perform(case, write_down)
    lines = {label: performed.events.get(label, []) for label in case["expect"]["events"]}
    case["expect"] = {"events": lines, "calls": performed.calls, "stats": performed.stats}
    return case


def differences(case: dict[str, Any]) -> list[str]:
    """In what the model and the expectations of a case differ, one text for each difference."""
    performed = perform(case)
    expect = case["expect"]
    found = list(performed.findings)
    for label, lines in expect.get("events", {}).items():
        found += _line_differences(label, lines, performed.events.get(label, []))
    if "calls" in expect and expect["calls"] != performed.calls:
        found.append(f"calls: expected {expect['calls']}, the model has {performed.calls}")
    for name, value in expect.get("stats", {}).items():
        if performed.stats[name] != value:
            found.append(f"{name}: expected {value}, the model has {performed.stats[name]}")
    return found


def _line_differences(label: str, expected: list[str], got: list[str]) -> Iterator[str]:
    for i in range(max(len(expected), len(got))):
        pair = (expected[i : i + 1], got[i : i + 1])
        if pair[0] != pair[1]:
            yield f"{label}, line {i}:\n  expected  {pair[0]}\n  the model {pair[1]}"


def _payload(value: dict[str, Any]) -> Any:
    return fixture(value["host"]) if "host" in value else json.loads(value["json"])


def _error(value: dict[str, str]) -> HostError:
    kind = HostCancellation if value["type"] == "Cancelled" else HostError
    return kind(value["type"], value["message"])


def _facts(scope: Scope) -> dict[str, Any]:
    """What a handle knows (S1.8), as `out` writes it."""
    return {
        "uuid": scope.uuid,
        "parent_uuid": scope.parent.uuid if scope.parent else NO_UUID,
        "name": scope.name,
        "subtype": scope.subtype,
        "tool_call_id": scope.tool_call_id,
        "started_at": str(scope.started_at),
        "type": scope.type,
        "attributes": sorted(scope.attributes),
        "is_open": scope.is_open,
    }

"""Performs the cases of a vector file on the model (`tests/vectors/README.md` tells the format).

`perform(case)` returns what came out; `differences(case)` compares that with what the case expects.
Steps, answers and targets may be any iterables, so that a generator can make a step while the ones
before it are already done.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from . import admission, calls, manual, operations, scripts
from .codecs import Codec
from .errors import Failure, HostCancellation, HostError
from .execution import Annotated, Next
from .middleware import REGISTRIES, Owner, Registration
from .native_scripts import Native, native_script
from .payload import DEFAULT_BUDGET, UNLIMITED, encode
from .requests import CREDENTIAL_HEADERS, LLMRequest
from .runtime import Runtime
from .scopes import Context, Scope
from .streams import Stream, stream_execute

Step = dict[str, Any]
sys.setrecursionlimit(20_000)  # callbacks in callbacks are calls in calls
STEP_LIMIT = 10_000  # a callback that provokes itself would never come to an end
NO_UUID = "00000000-0000-0000-0000-000000000000"
SCRIPTS = {  # what is registered where; all others are sanitizers
    "subscriber": scripts.Subscriber,
    "conditional_execution_guardrail": scripts.Guard,
    "conditional_middleware_guardrail": scripts.Guard,
    "request_intercept": scripts.RequestIntercept,
    "execution_intercept": scripts.ExecutionIntercept,
    "metadata_injector": scripts.Injector,
}


@dataclass(frozen=True)
class Outcome:
    """What came of a step: `value` or `result` of a success, or the error itself."""

    value: Any = None  # in the form of `out`
    result: Any = None  # the object that a call returned
    error: Failure | None = None
    chunks: list[Any] | None = None  # that the consumer of a stream got

    def as_expected(self) -> dict[str, Any]:
        """In the form of a step's `expect`; an error of the runtime is known by its status."""
        expect = {} if self.chunks is None else {"chunks": [shown(chunk) for chunk in self.chunks]}
        if self.error is None:
            return expect if self.value is None else {"out": self.value}
        if isinstance(self.error, HostError):
            key = "cancel" if isinstance(self.error, HostCancellation) else "raise"
            return {key: {"type": self.error.type_name, "message": str(self.error)}, **expect}
        assert hasattr(self.error, "status")
        if self.error.is_fixed:
            expect = {"message": str(self.error), **expect}
        return {"status": self.error.status, **expect}


@dataclass
class Performed:
    """Everything that a case can expect."""

    events: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    stats: dict[str, str] = field(default_factory=dict)
    given_back: list[str] = field(default_factory=list)  # callables in C
    findings: list[str] = field(default_factory=list)  # about single steps


Observer = Callable[[Step, Outcome], None]


class Session:
    """One case on its own runtime."""

    def __init__(self, case: dict[str, Any], observer: Observer | None = None) -> None:
        options = case.get("runtime", {})
        names = options.get("credential_headers")
        self.runtime = Runtime(
            clock_start=int(options.get("clock_start", "1767225600000000000")),
            clock_step=int(options.get("clock_step", "1000000")),
            payload_budget=options.get("payload_budget", DEFAULT_BUDGET),
            credential_headers=CREDENTIAL_HEADERS
            if names is None
            else tuple(name.strip().lower() for name in names.split(",")),
        )
        self.contexts = {"main": Context("main", self.runtime.root)}
        self.scopes = {"root": self.runtime.root, "elsewhere": Runtime().root}
        self.continuations: dict[str, tuple[Next, Any]] = {}
        self.removed: list[Registration] = []  # of those in C
        self.performed = Performed()
        self.observer = observer or self.compare
        self.path: list[str] = []
        self.step_count = 0
        self.operating: list[str] = []  # the contexts of the operations that are going on
        self.taken: list[list[Any] | None] = []  # by the consumers of these operations
        self.lent: list[tuple[Any, str]] = []  # payloads of the application, and what they were

    def run(self, steps: Iterable[Step]) -> Performed:
        self.steps(steps, "main")
        for value, text in self.lent:  # S3.10: nobody edits what is the application's own
            if encode(value, UNLIMITED) != text:
                self.performed.findings.append(f"was changed in the application's hands: {text}")
        removed = [r.callable.label for r in self.removed if not self.is_in_use(r)]
        self.performed.given_back = sorted(removed)
        self.performed.stats = {key: str(n) for key, n in asdict(self.runtime.stats).items()}
        return self.performed

    def steps(self, steps: Iterable[Step], context: str) -> None:
        for i, step in enumerate(steps):
            self.path.append(str(i))
            self.step(step, step.get("context", context))
            self.path.pop()

    def inside(self, context: Context, steps: Iterable[Step]) -> None:
        """Steps of a callback: the name of its context stands for the one that it sees, which for
        the producer of a stream is a copy (S1.11)."""
        outside = self.contexts[context.name]
        self.contexts[context.name] = context
        try:
            self.steps(steps, context.name)
        finally:
            self.contexts[context.name] = outside

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
        self.taken.append(None)
        value, result, error = None, None, None
        try:
            value, result = self.call(step, context)
        except Failure as failure:
            error = failure
        self.operating.pop()
        del self.path[depth:]
        return Outcome(value, result, error, self.taken.pop())

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
        if "chunks" in expected:
            expected["chunks"] = [shown(scripts.payload(chunk)) for chunk in expected["chunks"]]
        else:
            got.pop("chunks", None)
        if "value" in expected:
            expected["value"] = shown(scripts.payload(expected["value"]))
            got["value"] = shown(outcome.result)
        if got != expected and not (outcome.error is None and not expected):
            where = f"step {'.'.join(self.path)} {step.get('op', 'next')}"
            self.performed.findings.append(f"{where}: expected {expected}, the model has {got}")

    # Operations

    def call(self, step: Step, context: Context) -> tuple[Any, Any]:
        """What the operation returns in the form of `out`, and as the object that it is."""
        if "next" in step:
            next, request = self.continuations[step["next"]]
            if "request" in step:
                request = scripts.as_request(step["request"], request)
            return None, next(request, context)
        op = step["op"]
        args = {
            name: self.argument(op, name, value) for name, value in step.get("args", {}).items()
        }
        on = self.scopes[step["on"]] if "on" in step else None
        kind, _, rest = op.partition("_")
        if kind in ("tool", "llm"):
            return self.work(step, context, kind, rest, args)
        if op == "scope_push":
            self.label(step, operations.push(self.runtime, context, **args))
        elif op == "scope_pop":
            operations.pop(self.runtime, context, on, **args)
        elif op == "scope_event":
            operations.event(self.runtime, context, **args)
        elif op == "scope_new_root":
            context.value = self.runtime.new_root()  # the host makes it current
            self.label(step, context.value)
        elif op == "runtime_flush":
            operations.flush(self.runtime, context)
        elif op == "runtime_close":
            self.runtime.close(context)
        elif op == "runtime_is_credential_header":
            return args["name"].lower() in self.runtime.credential_headers, None
        elif op == "scope_is_open":
            return on.is_open, None
        elif op == "scope_is_in_force":
            return on.is_in_force, None
        elif op == "scope_describe":
            return _facts(on), None
        else:
            return self.registry(step, op, args), None
        return None, None

    def work(
        self, step: Step, context: Context, kind: str, op: str, args: dict[str, Any]
    ) -> tuple[Any, Any]:
        """The operations on calls."""
        runtime = self.runtime
        if op == "execute":
            return None, calls.execute(runtime, context, kind, self.target(step), **args)
        if op == "stream_execute":
            return None, self.consume(step, context, args)
        if op == "call":
            self.label(step, manual.call(runtime, context, kind, **args))
        elif op == "call_end":
            manual.call_end(runtime, context, kind, self.scopes[step["on"]], **args)
        elif op == "request_intercepts":
            return None, admission.request_intercepts(runtime, context, kind, **args)
        else:
            assert op == "conditional_execution", op
            admission.conditional_execution(runtime, context, kind, **args)
        return None, None

    def target(self, step: Step) -> scripts.Target:
        return scripts.Target(self, step.get("target", {}))

    def consume(self, step: Step, context: Context, args: dict[str, Any]) -> None:
        """A stream from the call of its producer to its end."""
        if "collector" in step:
            args["collector"] = scripts.Collector(self, step["collector"])
        if "finalizer" in step:
            args["finalizer"] = scripts.Finalizer(self, step["finalizer"])
        stream = stream_execute(self.runtime, context, self.target(step), **args)
        taken = self.taken[-1] = []
        way = step.get("consume", {})
        between = way.get("between", {})
        self.inside(context, between.get("0", ()))
        while len(taken) != way.get("take", -1):
            try:
                taken.append(stream.step(context))
            except StopIteration:
                return
            self.inside(context, between.get(str(len(taken)), ()))
        self.leave(stream, way["then"], context)

    def leave(self, stream: Stream, then: str, context: Context) -> None:
        if then == "close":
            stream.close(context)
        else:
            stream.drop()

    def registry(self, step: Step, op: str, args: dict[str, Any]) -> Any:
        """`[scope_]register_<registry>` and `[scope_]deregister_<registry>`."""
        owner: Owner = self.runtime.everywhere
        if op.startswith("scope_"):
            op, owner = op.removeprefix("scope_"), self.scopes[step["on"]]
        verb, _, registry = op.partition("_")
        if registry not in REGISTRIES:
            raise NotImplementedError(f"the model does not know {op}")
        if verb == "deregister":
            return self.deregister(owner, registry, args["name"])
        script = step["args"]["callable"]
        args["is_native"] = "native" in script
        args["is_async"] = script.get("async", False)
        args["breaks_chain"] = script.get("break_chain", False)
        return self.runtime.register(owner, registry, **args)

    def deregister(self, owner: Owner, registry: str, name: str) -> bool:
        """One in C is given back as soon as nobody uses it (ADR 0020)."""
        known = owner.registrations.get(registry, {}).get(name)
        if known is not None and isinstance(known.callable, Native):
            self.removed.append(known)
        return self.runtime.deregister(owner, registry, name)

    def is_in_use(self, registration: Registration) -> bool:
        """By a call that the application has begun and not ended: all others are over."""
        calls = (scope.call for scope in self.runtime.opened if scope.is_open)
        return any(
            registration in chain for call in calls if call for chain in call.chains.values()
        )

    def argument(self, op: str, name: str, value: Any) -> Any:
        """A value as the model takes it; the argument's name tells what it is."""
        if name == "parent":
            return self.scopes[value]
        if name == "timestamp":
            return int(value)
        if name == "error":
            return scripts.error(value)
        if name in ("codec", "response_codec"):
            return Codec(scripts.codec_act(self, value))
        if name == "callable" and "native" in value:
            return native_script(self, op.partition("register_")[2], value)
        if name == "callable":
            made = (kind for ending, kind in SCRIPTS.items() if op.endswith(ending))
            return next(made, scripts.Sanitizer)(self, value)
        if isinstance(value, dict) and "text" in value:
            return value["text"] * value["times"]
        if isinstance(value, dict) and "b64" in value:
            return base64.b64decode(value["b64"])
        if name == "request" and op.startswith("llm_"):
            return self.lend(LLMRequest(**scripts.payload(value)))
        return self.lend(scripts.payload(value)) if isinstance(value, dict) else value

    def lend(self, value: Any) -> Any:
        """A payload that belongs to the application."""
        self.lent.append((value, encode(value, UNLIMITED)))
        return value

    def label(self, step: Step, scope: Scope) -> None:
        if "as" in step:
            self.scopes[step["as"]] = scope


def shown(value: Any) -> dict[str, str]:
    """An object by its canonical text."""
    if isinstance(value, Annotated):
        value = value.result
    return {"json": encode(value, UNLIMITED)}


def perform(case: dict[str, Any], observer: Observer | None = None) -> Performed:
    """Does what a case says; without an observer each step is compared with its expectation."""
    return Session(case, observer).run(case["steps"])


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """The case with all that the model expects of it, in place of what it expected before."""

    def write_down(step: Step, outcome: Outcome) -> None:
        step.pop("expect", None)
        if told := told_of(step, outcome):
            step["expect"] = told

    performed = perform(case, write_down)
    lines = {label: performed.events.get(label, []) for label in case["expect"]["events"]}
    case["expect"] = {"events": lines, "calls": performed.calls, "stats": performed.stats}
    return case


def told_of(step: Step, outcome: Outcome) -> dict[str, Any]:
    """What came of a step, and what a helper made of a request."""
    if step.get("op", "").endswith("_request_intercepts") and outcome.error is None:
        return {"value": shown(outcome.result)}
    return outcome.as_expected()


def differences(case: dict[str, Any]) -> list[str]:
    """In what the model and the expectations of a case differ, one text for each difference."""
    performed = perform(case)
    expect = case["expect"]
    found = list(performed.findings)
    for label, lines in expect.get("events", {}).items():
        found += _line_differences(label, lines, performed.events.get(label, []))
    if "calls" in expect and expect["calls"] != performed.calls:
        found.append(f"calls: expected {expect['calls']}, the model has {performed.calls}")
    if sorted(expect.get("given_back", performed.given_back)) != performed.given_back:
        found.append(f"given back: the model has {performed.given_back}")
    for name, value in expect.get("stats", {}).items():
        if performed.stats[name] != value:
            found.append(f"{name}: expected {value}, the model has {performed.stats[name]}")
    return found


def _line_differences(label: str, expected: list[str], got: list[str]) -> Iterator[str]:
    for i in range(max(len(expected), len(got))):
        pair = (expected[i : i + 1], got[i : i + 1])
        if pair[0] != pair[1]:
            yield f"{label}, line {i}:\n  expected  {pair[0]}\n  the model {pair[1]}"


def _facts(scope: Scope) -> dict[str, Any]:
    """What a handle knows (S1.8), as `out` writes it."""
    return {
        "uuid": scope.uuid,
        "parent_uuid": scope.parent.uuid if scope.parent else NO_UUID,
        "name": scope.name,
        "subtype": scope.subtype,
        "tool_call_id": scope.tool_call_id,
        "model_name": scope.model_name,
        "started_at": str(scope.started_at),
        "type": scope.type,
        "attributes": sorted(scope.attributes),
        "is_open": scope.is_open,
    }

"""What stands before a call: what it goes by, gates, guards, request intercepts (S3, S4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import events, sanitizing
from .arguments import checked_flags, checked_text
from .codecs import Codec
from .errors import (
    Failure,
    Held,
    HostCancellation,
    RuntimeFailure,
    rejected,
    returned_no_json,
    returned_no_request,
    returned_nothing,
)
from .events import Draft
from .execution import PendingMark
from .middleware import GATE, NUMBERS, REGISTRIES, SUBSCRIBER, Registration
from .payload import is_json_shaped
from .requests import LLMRequest, private_copy
from .runtime import Describe, Runtime
from .scopes import Context, Place, Scope

CALL_FLAGS = {"sync": 1, "chunk_marks": 2, "finalizer": 4}


@dataclass(eq=False)
class Call:
    """A call, and the middleware that it saw when it began: it uses it to its end (S3.4)."""

    runtime: Runtime
    kind: str  # "tool" or "llm"
    name: str
    place: Place
    can_await: bool
    chains: dict[str, list[Registration]]  # by registry
    is_stream: bool = False
    codec: Codec | None = None
    response_codec: Codec | None = None
    annotated: Any = None  # of a manual call's request, as the caller gave it (S2.8)

    @property
    def guards(self) -> list[Registration]:
        return self.chains[f"{self.kind}_conditional_execution_guardrail"]

    @property
    def request_intercepts(self) -> list[Registration]:
        return self.chains[f"{self.kind}_request_intercept"]

    @property
    def execution_intercepts(self) -> list[Registration]:
        return self.chains[execution_registry(self.kind, self.is_stream)]

    @property
    def sanitize_request(self) -> list[Registration]:
        return self.chains[f"{self.kind}_sanitize_request_guardrail"]

    @property
    def sanitize_response(self) -> list[Registration]:
        return self.chains[f"{self.kind}_sanitize_response_guardrail"]

    def mark(self, name: str, span: Scope, context: Context, describe: Describe) -> None:
        """A mark under the call's own span, as long as that is open (decisions.md, 14)."""
        if span.is_open:
            self.runtime.mark(
                context, span, span, name, describe, None, self.kind, can_await=self.can_await
            )


def execution_registry(kind: str, is_stream: bool) -> str:
    return f"{kind}{'_stream' if is_stream else ''}_execution_intercept"


def begin(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str,
    parent: Scope | None,
    is_sync: bool,
    refuses: Iterable[str] = ("guard", "rewrite", "execute"),
    is_stream: bool = False,
    codec: Codec | None = None,
    response_codec: Codec | None = None,
) -> Call:
    """Notes what a call goes by; what it must not have is refused before anything else (S3.8)."""
    runtime.check_open()
    runtime.check_parent(parent)
    registries = {
        "guard": f"{kind}_conditional_execution_guardrail",
        "rewrite": f"{kind}_request_intercept",
        "execute": execution_registry(kind, is_stream),
        "show_request": f"{kind}_sanitize_request_guardrail",
        "show_response": f"{kind}_sanitize_response_guardrail",
    }
    for use in refuses if is_sync else ():
        _refuse_async(runtime.chain(registries[use], parent or context.value))

    runtime.emit_owed(context)
    place = context.place(parent)  # S4.6: whatever a guard leaves current there
    of = place.inherits
    return Call(
        runtime=runtime,
        kind=kind,
        name=name,
        place=place,
        can_await=not is_sync,
        chains={registry: runtime.chain(registry, of) for registry in registries.values()},
        is_stream=is_stream,
        codec=codec,
        response_codec=response_codec,
    )


def _refuse_async(middleware: list[Registration]) -> None:
    for registration in middleware:
        if registration.is_async:
            raise RuntimeFailure("invalid_state", f"{registration.name} is async")


def admit(call: Call, request: Any, context: Context) -> tuple[Any, list[PendingMark]]:
    """Guards, then request intercepts, under the caller's scope (S4.1, S4.6); what fails leaves a
    mark (S4.5). Returns the effective request, and the pending marks of the intercepts."""
    ask_gates(call, context, _used(call))
    ask_guards(call, request, context, leaves_marks=True)
    return rewrite(call, request, context, leaves_marks=True)


def ask_gates(call: Call, context: Context, uses: Iterable[str]) -> None:
    """A gate switches off, for this call, what it names; one that fails leaves it on (S3.1).

    It is asked once, if the call would use anything of that name (decisions.md, 37).
    """
    for gate in call.runtime.chain(GATE, call.place.inherits):
        if not any(_is_meant(gate, registry, call.chains[registry]) for registry in uses):
            continue
        try:
            reason = gate.callable(None, context)
        except HostCancellation:
            raise
        except Failure:
            continue
        if reason is not None:
            _switch_off(call, gate)


def _used(call: Call) -> list[str]:
    """What a managed call would use: sanitizers only if somebody observes (S3.6)."""
    is_observed = call.runtime.chain(SUBSCRIBER, call.place.inherits)
    return [name for name in call.chains if is_observed or "_sanitize_" not in name]


def _is_meant(gate: Registration, registry: str, chain: list[Registration]) -> bool:
    is_kind = bool(gate.kinds & 1 << (NUMBERS[registry] - 1))
    return is_kind and any(registration.name == gate.concerns for registration in chain)


def _switch_off(call: Call, gate: Registration) -> None:
    for registry, chain in call.chains.items():
        if gate.kinds & 1 << (NUMBERS[registry] - 1):
            call.chains[registry] = [r for r in chain if r.name != gate.concerns]


def ask_guards(call: Call, request: Any, context: Context, leaves_marks: bool) -> None:
    """Guards see the caller's raw request (S3.5).

    The first reason refuses, a guard that fails refuses with its own error, and either leaves one
    mark (S4.5). The host's cancellation is neither: it passes through (S4.4).
    """
    for guard in call.guards:
        try:
            reason = guard.callable(request, context)
        except HostCancellation:
            raise
        except Failure as error:
            _mark_failure(call, "guard", guard.name, error, context, leaves_marks)
            raise
        if reason is not None:
            if leaves_marks:
                _mark_refusal(call, guard.name, reason, context)
            raise rejected(reason)


def rewrite(
    call: Call, request: Any, context: Context, leaves_marks: bool
) -> tuple[Any, list[PendingMark]]:
    """Request intercepts get one private copy, and what one returns goes on (S3.10, S3.11)."""
    marks: list[PendingMark] = []
    if not call.request_intercepts:
        return request, marks
    request = private_copy(request)
    step, registration = "codec", None
    annotated, is_annotated = None, False
    try:
        if call.codec is not None:
            annotated = call.codec.decode("request", request, context)
        for intercept in call.request_intercepts:
            step, registration = "request_intercept", intercept.name
            outcome = intercept.callable(request, context, annotated)
            request = _checked_request(call, intercept.name, request, outcome.value)
            if call.codec is not None and outcome.annotated is not None:
                annotated, is_annotated = outcome.annotated, True
            marks += outcome.marks
            if intercept.breaks_chain:
                break
        if call.codec is not None and is_annotated:  # S4.11: nothing edited, nothing encoded
            step, registration = "codec", None
            request = call.codec.encode_request(request, annotated, call.name, context)
    except HostCancellation:
        raise
    except Failure as error:
        _mark_failure(call, step, registration, error, context, leaves_marks)
        raise
    return request, marks


def _checked_request(call: Call, registration: str, got: Any, returned: Any) -> Any:
    """A forgotten `return`, and what is no request, are told at once (S3.11)."""
    title = REGISTRIES[f"{call.kind}_request_intercept"].title
    if returned is None and got is not None:
        raise returned_nothing(title, registration, call.name)
    if call.kind == "llm" and not isinstance(returned, LLMRequest):
        raise returned_no_request(f"{title} '{registration}'", call.name)
    if call.kind == "tool" and returned is not got and not is_json_shaped(returned):
        raise returned_no_json(title, registration, call.name)
    return returned


def _mark_refusal(call: Call, guardrail: str, reason: str, context: Context) -> None:
    def describe(draft: Draft, held: Held) -> None:
        text = sanitizing.shown_text(call, "GuardrailRejected", reason, draft, held, context)
        draft.data = call.runtime.text(events.refusal(text, guardrail))

    _mark_here(call, context, "guardrail", describe)


def _mark_failure(
    call: Call,
    step: str,
    registration: str | None,
    error: Failure,
    context: Context,
    leaves_marks: bool,
) -> None:
    def describe(draft: Draft, held: Held) -> None:
        text = sanitizing.shown_text(call, error.type_name, str(error), draft, held, context)
        draft.data = call.runtime.text(events.failed_step(step, registration, error, text))

    if leaves_marks:
        _mark_here(call, context, call.kind, describe)


def _mark_here(call: Call, context: Context, category: str, describe: Describe) -> None:
    """Where the call would have been: none is in a runtime that a callback has closed (S6.1)."""
    if not call.runtime.is_closed:
        place = call.place
        call.runtime.mark(
            context,
            place.parent,
            place.inherits,
            call.name,
            describe,
            category=category,
            can_await=call.can_await,
        )


# Helpers that stand alone


def request_intercepts(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    request: Any,
    flags: Iterable[str] | int = (),
) -> Any:
    """Only the request intercepts, without a span, a mark or an event (S4.9)."""
    call = _alone(runtime, context, kind, name, flags, "rewrite")
    ask_gates(call, context, [f"{kind}_request_intercept"])
    return rewrite(call, request, context, leaves_marks=False)[0]


def conditional_execution(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    request: Any,
    flags: Iterable[str] | int = (),
) -> None:
    """Only the guards, likewise (S4.9)."""
    call = _alone(runtime, context, kind, name, flags, "guard")
    ask_gates(call, context, [f"{kind}_conditional_execution_guardrail"])
    ask_guards(call, request, context, leaves_marks=False)


def _alone(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    flags: Iterable[str] | int,
    use: str,
) -> Call:
    name = checked_text("the name", name)
    is_sync = "sync" in checked_flags("flags", flags, CALL_FLAGS)
    return begin(runtime, context, kind, name, None, is_sync, refuses=(use,))

"""The types of what can be registered, and how each registry calls it."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen.model import Api, Registry
from spec.gen.names import camel, pascal
from spec.gen.typescript import fit, fit_arrow

_CALLABLE_ARGUMENTS = {
    "name": "string", "event": "Event", "fields": "EventSanitizeFields", "kinds": "number",
    "registration": "string", "next": "(request: any) => any",
}  # fmt: skip
_ANSWERS = {
    "reason": "string | null | undefined | void",
    "nothing": "void",
    "fields": "EventSanitizeFields",
    "members": "Record<string, unknown>",
}


@dataclass(frozen=True)
class CallableType:
    doc: str
    value: int
    name: str
    title: str
    type: str
    answer: str
    accepts_async: str
    call: str


def callables(api: Api) -> list[CallableType]:
    return [callable_type(registry) for registry in api.registries]


def callable_type(registry: Registry) -> CallableType:
    arguments = _arguments(registry)
    answer = _ANSWERS.get(registry.answer, "unknown")
    returns = f"{answer} | Promise<{answer}>" if registry.accepts_async else answer
    parameters = ", ".join(f"{name}: {kind}" for name, kind in arguments)
    given = ", ".join(_given(name) for name, _ in arguments)
    return CallableType(
        doc=registry.doc,
        value=registry.value,
        name=pascal(registry.name),
        title=registry.title,
        type=fit(f"export type {pascal(registry.name)} = ({parameters}) => {returns};"),
        answer=registry.answer,
        accepts_async=str(registry.accepts_async).lower(),
        call=fit_arrow(
            "call: (callable, given)", f"(callable as {pascal(registry.name)})({given}),", 6
        ),
    )


def _arguments(registry: Registry) -> list[tuple[str, str]]:
    """What a callable gets: what the peers' ones get, with the context behind it (S3.9)."""
    names = list(registry.call_arguments)
    if registry.answer == "result":
        names.remove("name")  # An execution intercept finds it in `context.target`.
    arguments = [(camel(a), _argument_type(registry, a)) for a in names]
    if registry.name == "llm_request_intercept":
        arguments = [("args", "LlmRequestInterceptArgs")]  # All in one object, as the peers' does.
    if registry.answer != "nothing":
        arguments.append(("context", "CallbackContext"))
    return arguments


def _given(name: str) -> str:
    if name == "args":
        return "{ name: given.name, request: given.request, annotated: given.annotated }"
    return f"given.{name}"


def _argument_type(registry: Registry, argument: str) -> str:
    if argument == "request" and registry.name.startswith("llm"):
        return "LlmRequest"
    return _CALLABLE_ARGUMENTS.get(argument, "any")

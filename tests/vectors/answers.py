"""Which keys the answer of a callable may have: the table of README.md, "Callables"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spec.gen.model import Registry

ERRORS = ("raise", "cancel", "propagate")
CHANGES = ("edit", "remove")


@dataclass(frozen=True)
class Kind:
    """What a callable may answer: one of the outcomes or none, and what may stand beside it."""

    outcomes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    may_return_null: bool = False


REWRITES = ("return", "nothing", *CHANGES)
SUBSCRIBER = COLLECTOR = Kind()
GUARD = Kind(("refuse",))
SANITIZER = Kind(REWRITES)
REQUEST_INTERCEPT = Kind(REWRITES, ("marks", "annotated"))
EXECUTION_INTERCEPT = Kind(("return", "result_of"), ("marks", "next", "keep_next"), True)
STREAM_INTERCEPT = Kind(("result_of", "chunks"), ("marks", "next", "keep_next", "before"))
INJECTOR = Kind(("return", "nothing"))
FINALIZER = Kind(("return",))
CODEC = Kind(("return", "nothing"), ("got",))

_BY_ANSWER = {
    "reason": GUARD,
    "nothing": SUBSCRIBER,
    "payload": SANITIZER,
    "fields": SANITIZER,
    "request": REQUEST_INTERCEPT,
    "result": EXECUTION_INTERCEPT,
    "members": INJECTOR,
}


def kind_of(registry: Registry) -> Kind:
    """What is registered there may answer this."""
    if registry.name == "llm_stream_execution_intercept":
        return STREAM_INTERCEPT
    return _BY_ANSWER[registry.answer]


def findings(kind: Kind, answer: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the keys of an answer."""
    allowed = {"steps", *ERRORS, *kind.outcomes, *kind.beside}
    yield from (f"an answer has {key!r} there" for key in answer if key not in allowed)
    outcomes = [key for key in (*ERRORS, *kind.outcomes) if key in answer]
    ends_a_stream = "chunks" in outcomes and len(outcomes) == 2 and outcomes[0] in ERRORS
    if len(outcomes) > 1 and not ends_a_stream and tuple(outcomes) != CHANGES:
        yield f"an answer has several outcomes: {', '.join(outcomes)}"
    if answer.get("return") == {"json": "null"} and not kind.may_return_null:
        yield "JSON null is returned where only `nothing` can be told"
    failed = any(key in answer for key in ERRORS) and "chunks" not in answer
    if "marks" in answer and (failed or "nothing" in answer):
        yield "marks stand in the outcome object, which this answer does not return"
    if answer.get("next") == [] and not outcomes:
        yield "an answer without `next` needs an outcome"
    if "before" in answer and "chunks" not in answer:
        yield "`before` is for chunks"
    nexts = answer.get("next", [])
    if nexts and "catch" in nexts[-1] and not outcomes:
        yield "nothing is returned when the last `next` fails and is caught"
    given = [one["as"] for one in nexts if "as" in one and "catch" not in one]
    if "result_of" in answer and answer["result_of"] not in given:
        yield f"no `next` gives {answer['result_of']!r} for certain"

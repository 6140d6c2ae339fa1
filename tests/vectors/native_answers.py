"""What a native callable may be told and may say: README.md, "Native callables"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from spec.gen.model import Registry

# By what a callable of the registry answers; all of them may fail.
FITTING = {
    "reason": ("refuse",),
    "nothing": (),
    "payload": ("replace",),
    "fields": ("replace",),
    "request": ("replace",),
    "result": ("replace", "decide"),
    "members": ("replace",),
}
ONLY_BEFORE, ONLY_AFTER = "short_circuit", "retry"
OF_OUTCOME = ("outcome", "failed")


def findings(registry: Registry, native: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the script of a native callable."""
    if "after" in native and registry.answer != "result":
        yield "only an execution intercept is asked afterwards"
    for moment, answers in native.items():
        for answer in answers:
            yield from _answer(registry, moment, answer)


def _answer(registry: Registry, moment: str, answer: dict[str, Any]) -> Iterator[str]:
    for key, value in answer.get("got", {}).items():
        if key in OF_OUTCOME and moment == "before":
            yield f"there is no {key!r} yet"
        if isinstance(value, dict) and not _is_json(value.get("json", "")):
            yield f"a native callable gets JSON text, not {value}"
    for step in answer.get("steps", ()):
        if "register_" not in step.get("op", ""):
            yield "a native callable has functions to register and deregister only"
    for said in answer.get("says", ()):
        if not is_refused(registry, moment, said) and "refused" in said:
            yield f"nothing is wrong with {said}"
        if is_refused(registry, moment, said) and "refused" not in said:
            yield f"that is refused: {said}"


def is_refused(registry: Registry, moment: str, said: dict[str, Any]) -> bool:
    """Whether the runtime does not take the answer (ADR 0020)."""
    kind = next(key for key in ("refuse", "replace", "decide", "fail") if key in said)
    if kind == "fail":
        return False
    if kind not in FITTING[registry.answer]:
        return True
    if kind == "refuse":
        return False
    decision = said.get("decide", "replace")
    if decision == "proceed":
        return False
    if decision == (ONLY_AFTER if moment == "before" else ONLY_BEFORE):
        return True
    if decision == "retry" and "json" not in said:
        return False
    text = said.get("replace", said.get("json", ""))
    return not _is_json(text) or not _has_shape(registry, moment, decision, json.loads(text))


def _has_shape(registry: Registry, moment: str, decision: str, value: Any) -> bool:
    is_result = decision == "short_circuit" or (decision == "replace" and moment == "after")
    if registry.answer == "result" and is_result:
        return True
    if registry.answer in ("fields", "members"):
        return isinstance(value, dict)
    if registry.name.startswith("llm") and "response" not in registry.name:
        return (
            isinstance(value, dict)
            and isinstance(value.get("headers"), dict)
            and "content" in value
        )
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True

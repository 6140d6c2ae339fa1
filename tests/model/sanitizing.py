"""What observers get to see of a call: requests, responses, the text of errors (S3.6, S2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import payload
from .emission import ask
from .errors import Failure, Held, HostCancellation
from .events import Draft
from .middleware import Registration
from .requests import LLMRequest, is_sound, private_copy, without_credentials
from .scopes import Context

if TYPE_CHECKING:
    from .admission import Call
    from .codecs import Codec

WITHHELD: Any = object()


def show_request(call: Call, request: Any, draft: Draft, held: Held, context: Context) -> None:
    """The data of the start event, and its annotation."""
    seen = request
    if isinstance(seen, LLMRequest):  # before the sanitizers, and again after
        seen = without_credentials(seen, call.runtime.credential_headers)
    seen = _sanitized(call, call.sanitize_request, seen, draft, held, context)
    if isinstance(seen, LLMRequest):
        seen = without_credentials(seen, call.runtime.credential_headers)
    if seen is WITHHELD:
        return
    draft.data = call.runtime.text(seen)
    is_changed = not _is_same(call, call.sanitize_request, request, seen)
    _annotate(call, "request", call.codec, seen, call.annotated, is_changed, draft, held, context)


def show_response(
    call: Call, response: Any, annotated: Any, draft: Draft, held: Held, context: Context
) -> None:
    """The data of the end event, and its annotation."""
    seen = _sanitized(call, call.sanitize_response, response, draft, held, context)
    if seen is WITHHELD:
        return
    draft.data = call.runtime.text(seen)
    is_changed = not _is_same(call, call.sanitize_response, response, seen)
    codec = call.response_codec
    _annotate(call, "response", codec, seen, annotated, is_changed, draft, held, context)


def shown_text(
    call: Call, type_name: str, text: str, draft: Draft, held: Held, context: Context
) -> str | None:
    """An error's text or a refusal's reason, as the response sanitizers leave it (S3.6).

    What stands at `error.message` afterwards is used; nothing if that is no string.
    """
    seen: Any = {"error": {"type": type_name, "message": text}}
    seen = _sanitized(call, call.sanitize_response, seen, draft, held, context)
    error = seen.get("error") if isinstance(seen, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None


def show_error(call: Call, error: Failure, draft: Draft, held: Held, context: Context) -> None:
    """The description in the end's status (S2.4)."""
    text = shown_text(call, error.type_name, str(error), draft, held, context)
    if text is not None:
        draft.facts["otel.status_description"] = payload.quote(text)


def _sanitized(
    call: Call,
    sanitizers: list[Registration],
    value: Any,
    draft: Draft,
    held: Held,
    context: Context,
) -> Any:
    """What the chain makes of a private copy; it fails closed (S3.6, S3.10)."""
    as_request = isinstance(value, LLMRequest)
    seen = private_copy(value) if sanitizers else value
    for sanitizer in sanitizers:
        is_null = seen is None
        try:
            seen = ask(sanitizer, seen, context, call.can_await)
        except HostCancellation as cancellation:  # it passes through, once all is delivered
            with held:
                raise cancellation
            return _withhold(call)
        except Failure:
            seen = WITHHELD
        is_forgotten = seen is None and not is_null
        if seen is WITHHELD or is_forgotten or not is_sound(seen, as_request):
            draft.facts["sanitize.failed"] = payload.quote(sanitizer.name)
            return _withhold(call)
    return seen


def _withhold(call: Call) -> Any:
    call.runtime.stats.withheld_payload_count += 1
    return WITHHELD


def _is_same(call: Call, sanitizers: list[Registration], given: Any, seen: Any) -> bool:
    """Whether sanitizers left it as it was; credential headers are not their doing. Who could tell
    of what is beyond the budget, which observers do not see?"""
    if not sanitizers:
        return True
    if isinstance(given, LLMRequest):
        given = without_credentials(given, call.runtime.credential_headers)
    is_whole = _text(seen) == payload.encode(seen, call.runtime.payload_budget)
    return is_whole and _text(given) == _text(seen)


def _annotate(
    call: Call,
    what: str,
    codec: Codec | None,
    seen: Any,
    supplied: Any,
    is_changed: bool,
    draft: Draft,
    held: Held,
    context: Context,
) -> None:
    """The annotation of what is shown, never of what was sanitized away (S2.8).

    One that the caller supplied holds for an unchanged payload; else a codec derives it anew.
    """
    annotation: Any = None
    if supplied is not None and not is_changed:
        annotation = supplied
    elif codec is not None:
        try:
            with held:
                annotation = codec.decode(what, seen, context)
        except Failure:
            annotation = WITHHELD
    if annotation is None:
        return
    if call.kind == "tool":
        draft.annotate("tool_result_annotation", annotation, call.runtime.payload_budget)
    elif isinstance(annotation, dict):
        draft.annotate(f"annotated_{what}", annotation, call.runtime.payload_budget)
    else:
        draft.facts["codec.failed"] = "true"


def _text(value: Any) -> str:
    return payload.encode(value, payload.UNLIMITED)

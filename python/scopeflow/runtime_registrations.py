"""What is registered on the default runtime: a list of it, and gates that switch a registration off
for one call (S3.1).

A gate is `guardrail(kinds, registration_name)`, a plain function. It is asked at the beginning of
each managed call that would use the registration of that name in one of these registries, which are
told by their names, such as `tool_request_intercept`. A text switches the registration off for this
call, None leaves it on; so does a gate that fails. Subscribers and gates cannot be switched off.

>>> kinds = {"tool_request_intercept"}
>>> intercepts.register_tool_request("tenant", 10, False, lambda name, args: {"tenant": "a"})
>>> with runtime_registrations.conditional_middleware_guardrail(
...     "closed", kinds, "tenant", lambda kinds, name: "out of office hours"
... ):
...     tools.execute_sync("search", {}, lambda args: args)
{}
>>> tools.execute_sync("search", {}, lambda args: args)
{'tenant': 'a'}
>>> [r.effective_name for r in runtime_registrations.list_runtime_registrations()]
['tenant']
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ._native import InvalidArgument, default_runtime
from ._scoped import scoped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._native import RegistrationInfo


class RuntimeRegistrationKind(str, Enum):
    """The registries. A member equals its text, which may be given in its place.

    >>> kind = runtime_registrations.RuntimeRegistrationKind.TOOL_REQUEST_INTERCEPT
    >>> kind == "tool_request_intercept", str(kind)
    (True, 'tool_request_intercept')
    """

    SUBSCRIBER = "subscriber"
    EVENT_METADATA_INJECTOR = "event_metadata_injector"
    MARK_SANITIZE_GUARDRAIL = "mark_sanitize_guardrail"
    SCOPE_SANITIZE_START_GUARDRAIL = "scope_sanitize_start_guardrail"
    SCOPE_SANITIZE_END_GUARDRAIL = "scope_sanitize_end_guardrail"
    TOOL_SANITIZE_REQUEST_GUARDRAIL = "tool_sanitize_request_guardrail"
    TOOL_SANITIZE_RESPONSE_GUARDRAIL = "tool_sanitize_response_guardrail"
    TOOL_CONDITIONAL_EXECUTION_GUARDRAIL = "tool_conditional_execution_guardrail"
    TOOL_REQUEST_INTERCEPT = "tool_request_intercept"
    TOOL_EXECUTION_INTERCEPT = "tool_execution_intercept"
    LLM_SANITIZE_REQUEST_GUARDRAIL = "llm_sanitize_request_guardrail"
    LLM_SANITIZE_RESPONSE_GUARDRAIL = "llm_sanitize_response_guardrail"
    LLM_CONDITIONAL_EXECUTION_GUARDRAIL = "llm_conditional_execution_guardrail"
    LLM_REQUEST_INTERCEPT = "llm_request_intercept"
    LLM_EXECUTION_INTERCEPT = "llm_execution_intercept"
    LLM_STREAM_EXECUTION_INTERCEPT = "llm_stream_execution_intercept"

    __str__ = str.__str__


class RuntimeRegistrationOwnerKind(str, Enum):
    """Who registered: here always the user of the package, `GLOBAL_API`.

    >>> subscribers.register("show", print)
    >>> str(runtime_registrations.list_runtime_registrations()[0].owner.kind)
    'global_api'
    """

    CORE = "core"
    GLOBAL_API = "global_api"
    PLUGIN = "plugin"

    __str__ = str.__str__


@dataclass(frozen=True)
class RuntimeRegistrationOwner:
    """Who a registration belongs to.

    kind: RuntimeRegistrationOwnerKind.
    plugin_kind: The kind of plugin; None for what the user of the package registered.
    component_ordinal: Which of the plugin's components; None likewise.

    >>> subscribers.register("show", print)
    >>> owner = runtime_registrations.list_runtime_registrations()[0].owner
    >>> owner.plugin_kind is None, owner.component_ordinal is None
    (True, True)
    """

    kind: RuntimeRegistrationOwnerKind
    plugin_kind: str | None
    component_ordinal: int | None


@dataclass(frozen=True)
class RuntimeRegistrationIdentity:
    """A registration of the default runtime.

    kind: RuntimeRegistrationKind, its registry.
    local_name: The name that its owner gave it.
    effective_name: The name by which a gate and `deregister_…` know it.
    owner: RuntimeRegistrationOwner.

    >>> subscribers.register("show", print)
    >>> identity = runtime_registrations.list_runtime_registrations()[0]
    >>> identity.effective_name, identity.owner.kind.value
    ('show', 'global_api')
    """

    kind: RuntimeRegistrationKind
    local_name: str
    effective_name: str
    owner: RuntimeRegistrationOwner


_USER = RuntimeRegistrationOwner(RuntimeRegistrationOwnerKind.GLOBAL_API, None, None)
_PLACES = {kind.value: place for place, kind in enumerate(RuntimeRegistrationKind)}


def _kinds_of(kinds: Iterable[RuntimeRegistrationKind | str] | None) -> set[str]:
    if kinds is None:
        return set(_PLACES)
    if isinstance(kinds, str):
        raise TypeError("kinds must be several names of registries, not one str")
    wanted = set(kinds)
    for kind in wanted:
        if kind not in _PLACES:
            raise InvalidArgument(f"kinds has {kind!r}, which is no registry")
    return {str(kind) for kind in wanted}


def _order(info: RegistrationInfo) -> tuple[int, int]:
    return _PLACES[info.kind], info.priority


def list_runtime_registrations(
    kinds: Iterable[RuntimeRegistrationKind | str] | None = None,
) -> list[RuntimeRegistrationIdentity]:
    """What is registered on the default runtime now, but for gates.

    kinds: The registries to list; by default all of them.

    Returns a list in the order of RuntimeRegistrationKind, and within a registry in the order in
    which they run (S3.2). `Runtime.registrations` tells more, of scopes too.

    Raises InvalidArgument for a kind that there is not.

    >>> subscribers.register("show", print)
    >>> intercepts.register_tool_request("with-tenant", 10, False, lambda name, args: args)
    >>> found = runtime_registrations.list_runtime_registrations({"tool_request_intercept"})
    >>> [registration.effective_name for registration in found]
    ['with-tenant']
    """
    wanted = _kinds_of(kinds)
    found = [info for info in default_runtime.registrations() if info.kind in wanted]
    return [
        RuntimeRegistrationIdentity(RuntimeRegistrationKind(info.kind), info.name, info.name, _USER)
        for info in sorted(found, key=_order)
    ]


register_conditional_middleware_guardrail = (
    default_runtime.register_conditional_middleware_guardrail
)
deregister_conditional_middleware_guardrail = (
    default_runtime.deregister_conditional_middleware_guardrail
)

# Each as a Registration, for a `with`.
conditional_middleware_guardrail = scoped(
    register_conditional_middleware_guardrail, deregister_conditional_middleware_guardrail
)

__all__ = [
    "RuntimeRegistrationIdentity",
    "RuntimeRegistrationKind",
    "RuntimeRegistrationOwner",
    "RuntimeRegistrationOwnerKind",
    "conditional_middleware_guardrail",
    "deregister_conditional_middleware_guardrail",
    "list_runtime_registrations",
    "register_conditional_middleware_guardrail",
]

"""Registries and the chains that come of them (S3.1 to S3.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import RuntimeFailure

if TYPE_CHECKING:
    from .scopes import Scope


@dataclass(frozen=True)
class Registry:
    """What sets one registry apart from another (S3.1)."""

    title: str
    has_priority: bool = True
    may_be_async: bool = True


SUBSCRIBER = "subscriber"
MARK_SANITIZER = "mark_sanitize_guardrail"
START_SANITIZER = "scope_sanitize_start_guardrail"
END_SANITIZER = "scope_sanitize_end_guardrail"
INJECTOR = "event_metadata_injector"
GATE = "conditional_middleware_guardrail"

REGISTRIES = {
    # S3.8: subscribers are sync
    SUBSCRIBER: Registry("subscriber", has_priority=False, may_be_async=False),
    GATE: Registry("conditional-middleware gate", has_priority=False, may_be_async=False),
    MARK_SANITIZER: Registry("mark sanitizer"),
    START_SANITIZER: Registry("scope-start sanitizer"),
    END_SANITIZER: Registry("scope-end sanitizer"),
    INJECTOR: Registry("metadata injector"),
    "llm_stream_execution_intercept": Registry("LLM stream execution intercept"),
}
NUMBERS = {  # a gate's bit for a registry is `1 << (number - 1)`
    "tool_conditional_execution_guardrail": 1,
    SUBSCRIBER: 2,
    "tool_sanitize_request_guardrail": 3,
    "tool_sanitize_response_guardrail": 4,
    "tool_request_intercept": 5,
    "tool_execution_intercept": 6,
    "llm_sanitize_request_guardrail": 7,
    "llm_sanitize_response_guardrail": 8,
    "llm_conditional_execution_guardrail": 9,
    "llm_request_intercept": 10,
    "llm_execution_intercept": 11,
    "llm_stream_execution_intercept": 12,
    MARK_SANITIZER: 13,
    START_SANITIZER: 14,
    END_SANITIZER: 15,
    INJECTOR: 16,
    GATE: 17,
}
for _prefix, _word in (("tool", "tool"), ("llm", "LLM")):
    REGISTRIES |= {
        f"{_prefix}_sanitize_request_guardrail": Registry(f"{_word} sanitize-request guardrail"),
        f"{_prefix}_sanitize_response_guardrail": Registry(f"{_word} sanitize-response guardrail"),
        f"{_prefix}_conditional_execution_guardrail": Registry(
            f"{_word} conditional-execution guardrail"
        ),
        f"{_prefix}_request_intercept": Registry(f"{_word} request intercept"),
        f"{_prefix}_execution_intercept": Registry(f"{_word} execution intercept"),
    }


@dataclass(frozen=True)
class Registration:
    """One callable under its name; `priority` is 0 where the registry has none."""

    name: str
    callable: Callable[..., Any]
    priority: int = 0
    is_async: bool = False
    breaks_chain: bool = False  # of a request intercept (S3.5)
    kinds: int = 0  # of a gate: the bits of the registries that it is about (S3.1)
    is_native: bool = False  # in C (ADR 0020)
    concerns: str = ""  # of a gate: the name of the registration that it switches off


@dataclass(eq=False, kw_only=True)
class Owner:
    """A runtime's global side, or a scope: each has every registry for itself (S3.1)."""

    registrations: dict[str, dict[str, Registration]] = field(default_factory=dict)

    @property
    def has_registered(self) -> bool:
        """Whether anything was ever registered here."""
        return bool(self.registrations)

    def register(self, registry: str, registration: Registration) -> None:
        """Adds it behind those that are there (S3.3)."""
        if registration.is_async and not REGISTRIES[registry].may_be_async:
            raise RuntimeFailure("invalid_argument", f"a {registry} cannot be async")
        names = self.registrations.setdefault(registry, {})
        if registration.name in names:
            raise RuntimeFailure("already_exists", f"{registration.name} is registered")
        names[registration.name] = registration

    def deregister(self, registry: str, name: str) -> bool:
        """Whether it was there (S3.3)."""
        return self.registrations.get(registry, {}).pop(name, None) is not None


def chain(registry: str, everywhere: Owner, scope: Scope) -> list[Registration]:
    """What applies to the scope: by priority, then owner from the outside in, then age (S3.2).

    Sorting is stable and the owners are gone through from the outside in, so that the priority is
    the whole key.
    """
    owners: list[Owner] = []
    link: Scope | None = scope
    while link is not None:
        owners.append(link)
        link = link.inherits
    owners.append(everywhere)
    found = [
        r for owner in reversed(owners) for r in owner.registrations.get(registry, {}).values()
    ]
    return sorted(found, key=lambda registration: registration.priority)

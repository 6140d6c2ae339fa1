"""What can go wrong: the runtime's own errors and those of the host (S7.1, S4.4)."""

from __future__ import annotations

STATUSES = (
    "already_exists",
    "not_found",
    "invalid_argument",
    "invalid_state",
    "guardrail_rejected",
    "cancelled",
    "limit_exceeded",
    "invalid_json",
    "invalid_utf8",
    "no_memory",
    "plugin_error",
    "internal",
)


class Failure(Exception):
    """Whatever an operation ends with instead of success; its text is the message."""

    type_name: str  # the unqualified class name that bindings report


class RuntimeFailure(Failure):
    """An error of the runtime's own, by its name in the one list (S7.1)."""

    def __init__(self, status: str, message: str) -> None:
        assert status in STATUSES, status
        super().__init__(message)
        self.status = status
        self.type_name = "".join(word.capitalize() for word in status.split("_"))


class HostError(Failure):
    """An ordinary error of the host."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(message)
        self.type_name = type_name


class HostCancellation(HostError):
    """The host's own cancellation or exit: no failure, it always passes through (S4.4, S5.2)."""


def error_type(error: Failure) -> str:
    """What stands as `error.type` (S2.4)."""
    if isinstance(error, RuntimeFailure):
        return error.status
    return "cancelled" if isinstance(error, HostCancellation) else "exception"


def rejected(reason: str) -> RuntimeFailure:
    """The error of a refused call; its text is part of the contract (S4.5)."""
    return RuntimeFailure("guardrail_rejected", f"guardrail rejected: {reason}")

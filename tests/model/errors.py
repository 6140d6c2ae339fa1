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

    def __init__(self, status: str, message: str, is_fixed: bool = False) -> None:
        assert status in STATUSES, status
        super().__init__(message)
        self.status = status
        self.is_fixed = is_fixed  # the contract gives the very words, not only what they say
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


# The texts that are part of the contract; what else an error says is each build's own (S7.2).


def rejected(reason: str) -> RuntimeFailure:
    """The error of a refused call (S4.5)."""
    return RuntimeFailure("guardrail_rejected", f"guardrail rejected: {reason}", is_fixed=True)


def returned_nothing(title: str, registration: str, target: str) -> RuntimeFailure:
    """The error of a request intercept without a `return` (S3.11)."""
    return _invalid(f"{title} '{registration}' returned nothing for '{target}'")


def returned_no_request(what: str, target: str) -> RuntimeFailure:
    """The error of what should have returned a request of an LLM (S3.11; decisions.md, 12)."""
    return _invalid(f"{what} returned no LLM request for '{target}'")


def returned_no_json(title: str, registration: str, target: str) -> RuntimeFailure:
    """The error of a tool's request intercept that returns what is no JSON value (S3.11)."""
    return _invalid(f"{title} '{registration}' returned no JSON value for '{target}'")


def no_longer_active(registration: str) -> RuntimeFailure:
    """The error of a `next` that is called too late (S3.7)."""
    return _invalid(f"the execution continuation of '{registration}' is no longer active")


def no_longer_active_in_c() -> RuntimeFailure:
    """The same of one in C, which knows no `next`."""
    return _invalid("the execution continuation is no longer active")


def closed() -> RuntimeFailure:
    """The error of whatever is asked of a closed runtime (S6.1)."""
    return RuntimeFailure("invalid_state", "invalid state: the runtime is closed", is_fixed=True)


def _invalid(text: str) -> RuntimeFailure:
    return RuntimeFailure("invalid_argument", f"invalid argument: {text}", is_fixed=True)


class Held:
    """The host's cancellation inside what must not fail: raised once all is delivered (S3.6, S5.2).

    The first one counts. Used as `with held: …`, it keeps a cancellation that comes out of there.
    """

    def __init__(self) -> None:
        self.cancellation: HostCancellation | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, HostCancellation):
            return False
        self.cancellation = self.cancellation or error
        return True

    def release(self) -> None:
        if self.cancellation is not None:
            raise self.cancellation

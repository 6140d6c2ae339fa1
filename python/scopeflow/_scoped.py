"""Registrations that last as long as a `with`, or until they are removed."""

from __future__ import annotations

from ._native import InvalidState, default_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Literal, ParamSpec

    Arguments = ParamSpec("Arguments")

_KEYS = ("scope_handle", "name")


class Registration:
    """Registers on entering a `with` and removes on leaving it; without one, `add` and `remove` do.

        with guardrails.tool_sanitize_request("redact", 10, redact):
            ...
        registration = subscribers.subscriber("log", print).add()
        ...
        registration.remove()

    May be used again once it has been removed. Made by the functions of `guardrails`, `intercepts`,
    `event_metadata`, `runtime_registrations`, `subscribers` and `scope_local` that are called as
    what they register.
    """

    __slots__ = ("_deregister", "_is_added", "_key", "_named_key", "_register")

    def __init__(
        self,
        register: Callable[[], None],
        deregister: Callable[..., bool],
        key: tuple[Any, ...],
        named_key: dict[str, Any],
    ) -> None:
        self._register = register
        self._deregister = deregister
        self._key = key
        self._named_key = named_key
        self._is_added = False

    def add(self) -> Registration:
        """Registers, and returns this object. Raises InvalidState while that is in force already,
        and what the registry raises: AlreadyExists, InvalidArgument, NotFound, TypeError."""
        if self._is_added:
            raise InvalidState(f"{self!r} has been added already; make another one")
        self._register()
        self._is_added = True
        return self

    def remove(self) -> bool:
        """Removes it, and says whether it was still there: it goes with its scope or runtime, too.
        Calls that already began still use it (S3.4)."""
        if not self._is_added:
            return False
        self._is_added = False
        return self._deregister(*self._key, **self._named_key)

    def __enter__(self) -> Registration:
        return self.add()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        self.remove()
        return False

    def __repr__(self) -> str:
        name = self._named_key["name"] if "name" in self._named_key else self._key[-1]
        return f"<registration {name!r}>"


def scoped(
    register: Callable[Arguments, None], deregister: Callable[..., bool]
) -> Callable[Arguments, Registration]:
    """The function that makes a Registration from the arguments of `register`, a method of the
    default runtime. `deregister` takes the first of them: the name, before it the scope if there
    is one."""
    kind, opposite = register.__name__, deregister.__name__
    key_count = 2 if kind.startswith("scope_register_") else 1

    def make(*args: Arguments.args, **named: Arguments.kwargs) -> Registration:
        named_key = {key: named[key] for key in _KEYS if key in named}
        key = args[: key_count - len(named_key)]
        if len(key) + len(named_key) < key_count:
            raise TypeError(f"{make.__name__}() needs a name, and what is registered under it")
        runtime = default_runtime  # A test may have put another one there.
        return Registration(
            lambda: getattr(runtime, kind)(*args, **named),
            getattr(runtime, opposite),
            key,
            named_key,
        )

    make.__name__ = make.__qualname__ = kind.partition("register_")[2]
    make.__doc__ = f"A Registration, for a `with`. {register.__doc__}"
    make.__wrapped__ = register  # type: ignore[attr-defined]
    return make


__all__ = ["Registration"]

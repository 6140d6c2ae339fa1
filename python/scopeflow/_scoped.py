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

    May be used again once it has been removed. Made by the functions of `guardrails`, `intercepts`,
    `event_metadata`, `runtime_registrations`, `subscribers` and `scope_local` that are called as
    what they register.

    >>> registration = subscribers.subscriber("show", lambda event: print(event.name))
    >>> with registration:
    ...     scope.event("cache miss")
    cache miss
    >>> scope.event("nobody hears it")
    >>> registration.add()  # Without a `with`.
    <registration 'show'>
    >>> registration.remove()
    True
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
        and what the registry raises: AlreadyExists, InvalidArgument, NotFound, TypeError.

        >>> registration = subscribers.subscriber("show", print).add()
        >>> registration
        <registration 'show'>
        >>> registration.add()
        Traceback (most recent call last):
            ...
        scopeflow._native.InvalidState: <registration 'show'> has been added already; ...
        """
        if self._is_added:
            raise InvalidState(f"{self!r} has been added already; make another one")
        self._register()
        self._is_added = True
        return self

    def remove(self) -> bool:
        """Removes it, and says whether it was still there: it goes with its scope or runtime, too.
        Calls that already began still use it (S3.4).

        >>> registration = subscribers.subscriber("show", print).add()
        >>> registration.remove(), registration.remove()
        (True, False)
        """
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
    make.__doc__ = f"A Registration, for a `with`. {_with_form(register.__doc__)}"
    make.__wrapped__ = register  # type: ignore[attr-defined]
    return make


def _with_form(doc: str | None) -> str:
    """The docstring of what registers; in its example the call becomes a `with` around the rest."""
    if not doc:  # Python was told to leave them out.
        return ""
    call = doc.rindex(".register")
    start = doc.rindex("\n", 0, call) + 1
    head, *rest = doc[start:].rstrip().split("\n")
    prompt, _, text = head.partition(">>> ")
    module, _, function = text.partition(".register")
    name = function[1:] if function[0] == "_" else f"subscriber{function}"
    lines = [f"{prompt}>>> with {module}.{name}"]
    while rest and rest[0].startswith(f"{prompt}... "):  # Arguments on lines of their own.
        lines.append(rest.pop(0))
    lines[-1] += ":"
    for line in rest:
        is_code = line.startswith((f"{prompt}>>> ", f"{prompt}... "))
        lines.append(f"{prompt}...     {line[len(prompt) + 4 :]}" if is_code else line)
    return doc[:start] + "\n".join(lines) + "\n"


__all__ = ["Registration"]

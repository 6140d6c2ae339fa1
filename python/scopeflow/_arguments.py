"""The arguments of a decorated function as one object, and back.

Guards, intercepts and events see what an intercept may also change: the values by the names of
their parameters. What it leaves alone reaches the function as the very object that the caller gave.
"""

from __future__ import annotations

import inspect

from ._native import InvalidArgument, LLMRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

_RECEIVERS = ("self", "cls")
_HEADERS = "headers"


class Definition:
    """What is known of a decorated function from its signature, found out once."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name
        try:
            self.signature = inspect.signature(function)
        except ValueError:
            raise TypeError(f"'{name}' has no signature to bind arguments by") from None
        names = list(self.signature.parameters)
        self.receiver = names[0] if names and names[0] in _RECEIVERS else None
        own = [name for name in names if name != self.receiver]
        self.first = own[0] if own else None
        self.list_name = self._name_of(inspect.Parameter.VAR_POSITIONAL)
        self.rest_name = self._name_of(inspect.Parameter.VAR_KEYWORD)
        self.takes_headers = _HEADERS in names
        self._learn(self.signature.parameters.values())

    def _learn(self, parameters: Collection[inspect.Parameter]) -> None:
        """What binding in the plain way needs."""
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        self._is_plain = all(p.kind in plain for p in parameters)
        self._positional = [p.name for p in parameters if p.kind is plain[0]]
        self._defaults = {p.name: p.default for p in parameters}
        self._required = {p.name for p in parameters if p.default is p.empty}

    def _name_of(self, kind: Any) -> str | None:
        found = [p.name for p in self.signature.parameters.values() if p.kind is kind]
        return found[0] if found else None

    def bind(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Values by parameter, without `self` and `cls`, and without `*args` and `**named` that
        got none. Raises TypeError for what the function cannot be called with."""
        members = self._bind_plainly(args, named) if self._is_plain else None
        return self._bind_any(args, named) if members is None else members

    def _bind_plainly(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any] | None:
        """A fifth of the time for what most calls look like; None where more has to be known."""
        given = dict(zip(self._positional, args, strict=False))
        given.update(named)
        members = {**self._defaults, **given}
        if (
            len(given) != len(args) + len(named)
            or len(members) != len(self._defaults)
            or not self._required <= given.keys()
        ):
            return None
        if self.receiver is not None:
            del members[self.receiver]
        return members

    def _bind_any(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        try:
            bound = self.signature.bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"{self.name}() {error}") from None
        bound.apply_defaults()
        members = dict(bound.arguments)
        members.pop(self.receiver or "", None)
        if self.list_name is not None:
            members[self.list_name] = list(members[self.list_name])
        for name in (self.list_name, self.rest_name):
            if name is not None and not members[name]:
                del members[name]
        return members

    def unbind(self, receiver: object, members: dict[str, Any]) -> inspect.BoundArguments:
        """The arguments that give these values. What names no parameter goes to `**named`."""
        parameters = self.signature.parameters
        bound = self.signature.bind_partial()
        rest = dict(members.get(self.rest_name or "") or {})
        for name, value in members.items():
            if name == self.receiver:
                raise self.refused(f"have a member {name!r}, which is not theirs")
            if name not in parameters:
                rest[name] = value
            elif name != self.rest_name:
                bound.arguments[name] = value
        if rest and self.rest_name is None:
            raise self.refused(f"have a member {next(iter(rest))!r}, which it does not take")
        if self.rest_name is not None:
            bound.arguments[self.rest_name] = rest
        if self.receiver is not None:
            bound.arguments[self.receiver] = receiver
        self._complete(bound)
        return bound

    def _complete(self, bound: inspect.BoundArguments) -> None:
        bound.apply_defaults()
        for name in self.signature.parameters:
            if name not in bound.arguments:
                raise self.refused(f"have no member {name!r}")

    def refused(self, what: str) -> InvalidArgument:
        return InvalidArgument(
            f"invalid argument: the arguments that an intercept gave for '{self.name}' {what}"
        )


class ToolArguments:
    """One call's arguments: `request` is what goes through the middleware."""

    __slots__ = ("_args", "_definition", "_named", "request")

    def __init__(
        self, definition: Definition, args: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        self._definition = definition
        self._args = args
        self._named = named
        self.request: Any = definition.bind(args, named)

    def run(self, request: Any) -> Any:
        """Calls the function with what the middleware made of the request."""
        if request is self.request:
            return self._definition.function(*self._args, **self._named)
        if not isinstance(request, dict):
            raise self._definition.refused(f"are {type(request).__name__}, no dict")
        return self._run_changed(request, self.request)

    def _run_changed(self, members: dict[str, Any], original: dict[str, Any]) -> Any:
        definition = self._definition
        values = {name: _restored(value, original.get(name)) for name, value in members.items()}
        receiver = self._args[0] if self._args else self._named.get(definition.receiver or "")
        bound = definition.unbind(receiver, values)
        return definition.function(*bound.args, **bound.kwargs)


class LlmArguments(ToolArguments):
    """As a tool's, with a request for the provider: the first argument where it is an LLMRequest,
    else one made of all arguments, the headers being those of a parameter `headers`."""

    __slots__ = ("_members",)

    def __init__(
        self, definition: Definition, args: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        super().__init__(definition, args, named)
        self._members: dict[str, Any] = self.request
        first = self._members.get(definition.first or "")
        if type(first) is LLMRequest:
            self.request = first
            return
        content = dict(self._members)
        headers = content.pop(_HEADERS, None) if definition.takes_headers else None
        self.request = LLMRequest({} if headers is None else headers, content)

    @property
    def model(self) -> str | None:
        """What an argument `model` says."""
        model = self._members.get("model")
        return model if isinstance(model, str) else None

    def run(self, request: Any) -> Any:
        if request is self.request:
            return self._definition.function(*self._args, **self._named)
        members = self._members
        first = self._definition.first or ""
        if members.get(first) is self.request:
            return self._run_changed({**members, first: request}, members)
        if not isinstance(request.content, dict):
            raise self._definition.refused(f"are {type(request.content).__name__}, no dict")
        return self._run_changed({**request.content, **self._headers(request)}, members)

    def _headers(self, request: LLMRequest) -> dict[str, Any]:
        original = self.request.headers
        headers = _restored(request.headers, original)
        if not self._definition.takes_headers:
            if headers is not original:
                raise self._definition.refused(
                    "have headers, for which it has no parameter `headers`"
                )
            return {}
        if headers is original:
            headers = self._members[_HEADERS]
        return {_HEADERS: headers}


def _restored(value: Any, original: Any) -> Any:
    """The original where the value is but its copy (S3.10)."""
    return original if _is_copy(value, original) else value


def _is_copy(value: Any, original: Any) -> bool:
    """Whether containers of the same shape hold the very same leaves."""
    pending = [(value, original)]
    seen: set[tuple[int, int]] = set()
    while pending:
        one, other = pending.pop()
        if one is other or (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if type(one) is LLMRequest and type(other) is LLMRequest:
            pending += [(one.headers, other.headers), (one.content, other.content)]
            continue
        if type(one) is not type(other) or not isinstance(one, (dict, list, tuple)):
            return False
        if len(one) != len(other):
            return False
        if isinstance(one, dict):
            if list(one) != list(other):
                return False
            pending.extend(zip(one.values(), other.values(), strict=True))
        else:
            pending.extend(zip(one, other, strict=True))
    return True

"""The standalone helpers (S4.9) in the peers' shape: what they come to at once where nothing has to
be awaited, else something to await."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any


class Begun:
    """The rest of a coroutine that has been driven to its first suspension."""

    __slots__ = ("_call", "_waits_for")

    def __init__(self, call: Coroutine[Any, Any, Any], waits_for: object) -> None:
        self._call = call
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        step: Callable[[Any], Any]
        while True:
            try:
                given = yield waits_for
                step = self._call.send
            except BaseException as error:
                given, step = error, self._call.throw
            try:
                waits_for = step(given)
            except StopIteration as done:
                return done.value


def begin(call: Coroutine[Any, Any, Any]) -> Any:
    try:
        waits_for = call.send(None)
    except StopIteration as done:
        return done.value
    return Begun(call, waits_for)

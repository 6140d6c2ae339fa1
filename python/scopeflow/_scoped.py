"""A registration that lasts as long as a `with`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Literal


class Registration:
    """Registers on entering and removes on leaving. May be entered again afterwards."""

    __slots__ = ("_arguments", "_deregister", "_name", "_register")

    def __init__(
        self,
        register: Callable[..., None],
        deregister: Callable[[str], bool],
        name: str,
        *arguments: object,
    ) -> None:
        self._register = register
        self._deregister = deregister
        self._name = name
        self._arguments = arguments

    def __enter__(self) -> Registration:
        self._register(self._name, *self._arguments)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        self._deregister(self._name)
        return False

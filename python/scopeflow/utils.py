"""Small helpers around coroutines.

>>> async def search(args):
...     return {"hits": 2}
>>> utils.run_sync(tools.execute("search", {"query": "x"}, search))
{'hits': 2}
"""

from __future__ import annotations

import asyncio
import contextvars
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeVar

    Result = TypeVar("Result")


def run_sync(coro: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine to its end and returns what it returns, also where a loop is running.

    coro: A coroutine. What is current here is current in it.

    Where this thread runs an event loop, which cannot wait for itself, the coroutine gets a loop in
    a thread of its own, and this thread, with its loop, waits. What the coroutine raises comes out
    unchanged. Interrupted by KeyboardInterrupt, it is cancelled and waited for, until the next
    interrupt. (Where asyncio itself handles the first Ctrl-C, that takes one more.)

    Raises TypeError for what is no coroutine.

    >>> async def search(args):
    ...     return {"found": args["query"]}
    >>> utils.run_sync(tools.execute("search", {"query": "x"}, search))
    {'found': 'x'}
    """
    if not hasattr(coro, "send") or not hasattr(coro, "__await__"):
        raise TypeError(f"coro must be a coroutine, not {type(coro).__name__}")
    if asyncio._get_running_loop() is None:
        return asyncio.run(_awaited(coro))
    result: Result = _Elsewhere(coro).result()
    return result


async def _awaited(coro: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run` takes nothing but what an `async def` gave."""
    return await coro


class _Elsewhere:
    """A coroutine in the loop of another thread."""

    def __init__(self, coro: Coroutine[Any, Any, Any]) -> None:
        self._coro = coro
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outcome: tuple[Any, BaseException | None] | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,))

    def result(self) -> Any:
        self._thread.start()
        try:
            self._thread.join()
        except BaseException:
            self._cancel()
            self._thread.join()
            raise
        assert self._outcome is not None
        value, error = self._outcome
        if error is not None:
            raise error
        return value

    def _run(self) -> None:
        try:
            self._outcome = asyncio.run(self._main()), None
        except BaseException as error:
            self._outcome = None, error

    async def _main(self) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await self._coro

    def _cancel(self) -> None:
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)


__all__ = ["run_sync"]

"""The event loops that a coroutine may run in, without importing any that nobody uses."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


async def in_worker_thread(function: Callable[..., Any], *arguments: object) -> Any:
    """Calls it in a thread of the running loop, asyncio's or trio's; here where none is running."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return await asyncio.to_thread(function, *arguments)
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return await trio.to_thread.run_sync(function, *arguments)
    return function(*arguments)

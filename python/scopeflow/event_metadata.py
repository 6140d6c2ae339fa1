"""Metadata injectors of the default runtime: they add members to the metadata of every event.

An injector is `injector(event)` or an `async def` of it and returns a dict. Keys that are there
already win; an injector that fails is logged and passed over (S3.12).

>>> with event_metadata.injector("host", 10, lambda event: {"host": "worker-7"}):
...     with testing.capture() as events:
...         scope.event("cache miss")
>>> events[0].metadata
{'host': 'worker-7'}
"""

from ._native import default_runtime
from ._scoped import scoped

register_injector = default_runtime.register_event_metadata_injector
deregister_injector = default_runtime.deregister_event_metadata_injector

# Each as a Registration, for a `with`.
injector = scoped(register_injector, deregister_injector)

__all__ = [
    "deregister_injector",
    "injector",
    "register_injector",
]

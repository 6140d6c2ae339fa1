# cython: language_level=3, binding=False, embedsignature=True, embedsignature.format=clinic
# cython: auto_pickle=False
"""The compiled part of scopeflow: the C core and the driver that runs its steps.

Users import `scopeflow` and its modules; the names here are what those are made of. `_*.gen.pxi`
comes from spec/, everything in `native/` is written by hand.
"""

import atexit
import os
import sys

include "native/python.pxi"
include "_capi.gen.pxi"
include "native/glue.pxi"

cdef class ScopeHandle
cdef class ScopeStack
cdef class Event
cdef class EventLine
cdef class Runtime
cdef class Callback
cdef class ManagedCall
cdef class StreamWork

include "native/enumeration.pxi"
include "native/errors.pxi"
include "native/arguments.pxi"
include "_types.gen.pxi"
include "native/callback.pxi"
include "_operations.gen.pxi"
include "native/severity.pxi"
include "native/request.pxi"
include "native/payload.pxi"
include "native/host.pxi"
include "native/extension.pxi"
include "native/scope.pxi"
include "native/stack.pxi"
include "native/event.pxi"
include "native/event_line.pxi"
include "native/call.pxi"
include "native/continuation.pxi"
include "native/middleware.pxi"
include "native/driver.pxi"
include "native/stream.pxi"
include "native/typed.pxi"
include "native/manual.pxi"
include "native/registrations.pxi"
include "native/runtime.pxi"
include "native/codec.pxi"

for of_type in (
    RuntimeOperations, ScopeHandle, ScopeManager, ManagedCall, Event, ScopeEvent, MarkEvent,
    CallContext, Callback, Continuation, LlmStream, PrivateCopy, Ready, StreamClosing,
    ScopeStack, StreamOpening, StreamWork, SyncLlmStream,
):
    glue_forbid_instances(<PyTypeObject *>of_type)
del of_type

__version__ = scopeflow_version().decode()


def __getattr__(name):
    """The peers' flat functions: who does not ask for them does not pay for them."""
    if name[:2] == "__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from scopeflow import _flat
    return _flat.find(name)

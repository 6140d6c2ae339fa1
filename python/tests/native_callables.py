"""Callables in C that are written in Python: functions of ctypes, registered through the table.

They are of no use to anybody but tests. What they call back keeps the interpreter's lock
(PYFUNCTYPE), as it has to be held in each call of the core. The table's order is written down here
once more, which is what an extension that was compiled long ago counts on.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    PYFUNCTYPE,
    Structure,
    byref,
    c_char_p,
    c_int32,
    c_size_t,
    c_uint32,
    c_void_p,
)

from scopeflow import _native

FUNCTIONS = (
    "native_register native_deregister native_scope_register native_scope_deregister "
    "invocation_registry invocation_registration invocation_target invocation_tool_call_id "
    "invocation_model_name invocation_scope invocation_runtime invocation_event "
    "invocation_moment invocation_attempt invocation_outcome invocation_json "
    "invocation_refuse invocation_replace invocation_decide invocation_fail"
).split()
PROCEED, SHORT_CIRCUIT, RETRY, REPLACE = range(4)
INPUT, ANNOTATED, OUTCOME = range(3)
BREAK_CHAIN = 2


class Bytes(Structure):
    _fields_ = [("ptr", c_char_p), ("len", c_size_t)]


class Error(Structure):
    _fields_ = [("status", c_int32), ("message_len", c_uint32), ("message", ctypes.c_char * 248)]


RUN = CFUNCTYPE(None, c_void_p, c_void_p)
DESTROY = CFUNCTYPE(None, c_void_p)


class NativeCallable(Structure):
    _fields_ = [
        ("struct_size_bytes", c_uint32),
        ("registry", c_int32),
        ("priority", c_int32),
        ("flags", c_uint32),
        ("name", Bytes),
        ("gated", Bytes),
        ("kinds", c_uint32),
        ("run", RUN),
        ("user_data", c_void_p),
        ("destroy", DESTROY),
    ]


def pointer_of(capsule: object, name: bytes) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype = c_void_p
    get.argtypes = [ctypes.py_object, c_char_p]
    return get(capsule, name)


def functions() -> dict[str, int]:
    """The addresses in the table: its size, then a pointer to each function."""
    table = pointer_of(_native.functions, b"scopeflow._native.functions")
    size = c_uint32.from_address(table).value
    word = ctypes.sizeof(c_void_p)
    assert size >= word * (len(FUNCTIONS) + 1)
    return {
        name: c_void_p.from_address(table + word * (i + 1)).value
        for i, name in enumerate(FUNCTIONS)
    }


TABLE = functions()


def call(name: str, result: type, *arguments: object) -> object:
    kinds = [
        type(argument) if not isinstance(argument, int) else c_void_p for argument in arguments
    ]
    return PYFUNCTYPE(result, *kinds)(TABLE[name])(*arguments)


def text(value: str | bytes) -> Bytes:
    encoded = value.encode() if isinstance(value, str) else value
    return Bytes(encoded, len(encoded))


class Invocation:
    """What a callable is given."""

    def __init__(self, pointer: int):
        self.pointer = pointer
        self.message = ""  # Why the last answer was refused.

    def _text(self, name: str) -> str:
        got = call(f"invocation_{name}", Bytes, self.pointer)
        return ctypes.string_at(got.ptr, got.len).decode() if got.len else ""

    @property
    def registry(self) -> int:
        return call("invocation_registry", c_int32, self.pointer)

    @property
    def runtime(self) -> int:
        return call("invocation_runtime", c_void_p, self.pointer)

    @property
    def registration(self) -> str:
        return self._text("registration")

    @property
    def target(self) -> str:
        return self._text("target")

    @property
    def tool_call_id(self) -> str:
        return self._text("tool_call_id")

    @property
    def model_name(self) -> str:
        return self._text("model_name")

    @property
    def is_after(self) -> bool:
        return call("invocation_moment", c_int32, self.pointer) == 1

    @property
    def attempt(self) -> int:
        return call("invocation_attempt", c_uint32, self.pointer)

    @property
    def has_failed(self) -> bool:
        return call("invocation_outcome", c_int32, self.pointer) != 0

    def json(self, part: int = INPUT) -> str:
        out = ctypes.create_string_buffer(ctypes.sizeof(Bytes))
        function = PYFUNCTYPE(c_int32, c_void_p, c_int32, c_void_p, c_void_p)
        status = function(TABLE["invocation_json"])(self.pointer, part, ctypes.addressof(out), None)
        assert status == 0
        # Not through Bytes: reading a `c_char_p` stops at the first NUL.
        at = c_void_p.from_buffer(out, 0).value
        size = c_size_t.from_buffer(out, ctypes.sizeof(c_void_p)).value
        return ctypes.string_at(at, size).decode()

    def _answer(self, name: str, *arguments: object) -> int:
        kinds = [c_int32 if isinstance(a, int) else type(a) for a in arguments]
        function = PYFUNCTYPE(c_int32, c_void_p, *kinds, POINTER(Error))
        error = Error()
        status = function(TABLE[f"invocation_{name}"])(self.pointer, *arguments, byref(error))
        self.message = error.message.decode() if status else ""
        return status

    def refuse(self, reason: str) -> int:
        return self._answer("refuse", text(reason))

    def replace(self, json: str) -> int:
        return self._answer("replace", text(json))

    def decide(self, decision: int, json: str | None = None) -> int:
        return self._answer("decide", decision, Bytes(None, 0) if json is None else text(json))

    def fail(self, message: str, status: int = 0) -> int:
        return self._answer("fail", status, text(message))


class Registered:
    """A callable that is registered. It counts how often it was given back."""

    def __init__(
        self, owner, registry: int, name: str, function, *, priority=0, flags=0, gate=None
    ):
        # A runtime may outlive every module; ctypes lets go of what nobody holds.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
        self.destroyed = 0
        self.errors: list[BaseException] = []
        self.function = function
        self.run = RUN(self._run)
        self.destroy = DESTROY(self._destroy)
        kinds, gated = gate or (0, "")
        callable = NativeCallable(
            ctypes.sizeof(NativeCallable), registry, priority, flags, text(name), text(gated),
            kinds, self.run, None, self.destroy,
        )  # fmt: skip
        is_scope = isinstance(owner, _native.ScopeHandle)
        kind = b"scopeflow.scope" if is_scope else b"scopeflow.runtime"
        error = Error()
        function = PYFUNCTYPE(c_int32, c_void_p, POINTER(NativeCallable), POINTER(Error))
        address = TABLE["native_scope_register" if is_scope else "native_register"]
        status = function(address)(pointer_of(owner.capsule, kind), byref(callable), byref(error))
        if status != 0:
            assert self.destroyed == 0
            self.function = None  # Which it would hold for ever.
            classes = {of.status: of for of in _native.ScopeflowError.__subclasses__()}
            raise classes[status](error.message.decode())

    def _run(self, user_data: object, invocation: int) -> None:
        """Nothing that is raised may leave it."""
        try:
            self.function(Invocation(invocation))
        except BaseException as error:
            self.errors.append(error)
            Invocation(invocation).fail(repr(error))

    def _destroy(self, user_data: object) -> None:
        self.destroyed += 1

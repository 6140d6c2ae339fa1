"""A host written against the published header: its objects, its memory, and the driver of steps.

It keeps the books of both sides. At the end no reference may be held that the core had taken, none
may have been released twice, and no block of memory may be left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from cffi import FFI
from published import Library

_C = FFI()
_C.cdef("void *realloc(void *, size_t); void free(void *);")
_ALLOCATOR = _C.dlopen(None)


class Failed(Exception):
    """An operation that did not return `ok`."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = status


class Raised(Exception):
    """A task that ended in `raise` with an error of the runtime's own."""


class NativeError(Exception):
    """What native middleware reported, as this host makes an object of it."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Refuse:
    """What a guard answers that does not let a call pass."""

    def __init__(self, reason: str):
        self.reason = reason


class Taken:
    """An argument whose reference the core takes if the operation succeeds."""

    def __init__(self, value: Any):
        self.value = value


class Task:
    """A running operation, with what has to live as long."""

    def __init__(self, host: Host, target: Callable | None, finalizer: Callable | None):
        self.memory = host.ffi.new("scopeflow_task *")
        self.step = host.ffi.new("scopeflow_step *")
        self.target, self.finalizer = target, finalizer
        self.borrowed: list[int] = []
        self.taken: list[int] = []
        self.kept: list[Any] = []
        self.chunks: Iterable | None = None


class Host:
    def __init__(self, library: Library, **options: Any):
        self.lib, self.ffi = library, library.ffi
        self.objects: dict[int, Any] = {}
        self.counts: dict[int, int] = {}
        self.blocks: dict[int, int] = {}
        self.mistakes: list[str] = []
        self.messages: list[str] = []
        self._next_ref = 1
        self._callbacks: list[Any] = []
        table = self._table()
        self.runtime = self.make("runtime_new", table, **options)

    def close(self) -> None:
        """Gives the runtime back; nothing may be left then."""
        self.lib.scopeflow_runtime_free(self.runtime)
        assert self.mistakes == []
        assert self.objects == {}, "references that the core should have released"
        assert self.blocks == {}, "memory that the core should have freed"

    # --- References ---

    def give(self, value: Any) -> int:
        """A new reference, which counts one; 0 stands for nothing."""
        if value is None:
            return 0
        ref = self._next_ref
        self._next_ref += 1
        self.objects[ref], self.counts[ref] = value, 1
        return ref

    def release(self, ref: int) -> None:
        if ref == 0:
            return
        if ref not in self.counts:
            self.mistakes.append(f"reference {ref} was released once too often")
            return
        self.counts[ref] -= 1
        if self.counts[ref] == 0:
            del self.counts[ref], self.objects[ref]

    def take_back(self, ref: int) -> Any:
        """What a reference stands for that the core hands back."""
        value = self.objects[ref] if ref else None
        self.release(ref)
        return value

    # --- What is lent to the core ---

    def _table(self) -> Any:
        table = self.lib.initial("scopeflow_host")
        for name, signature, function in (
            ("release", "void(void *, scopeflow_ref)", lambda _, ref: self.release(ref)),
            ("encode", "void(void *, scopeflow_ref, scopeflow_tape *)", self._encode),
            ("describe_error", "void(void *, scopeflow_ref, scopeflow_tape *)", self._describe),
            ("log", "void(void *, uint32_t, scopeflow_bytes)", self._log),
            ("reallocate", "void *(void *, void *, size_t, size_t)", self._reallocate),
            ("decode", "scopeflow_ref(void *, scopeflow_bytes, uint32_t)", self._decode),
            ("make_error", "scopeflow_ref(void *, uint32_t, scopeflow_bytes)", self._make_error),
        ):
            setattr(table, name, self.lend(signature, function))
        return table

    def lend(self, signature: str, function: Callable) -> Any:
        """A C function that calls it, for as long as the host lives."""
        callback = self.ffi.callback(signature, function, onerror=self._on_error)
        self._callbacks.append(callback)
        return callback

    def _on_error(self, _type: Any, error: Any, _traceback: Any) -> None:
        self.mistakes.append(f"a callback raised {error!r}")

    def _encode(self, _context: Any, ref: int, tape: Any) -> None:
        self.put(tape, self.objects[ref])

    def _describe(self, _context: Any, ref: int, tape: Any) -> None:
        error = self.objects[ref]
        self.put(tape, {"type": type(error).__name__, "message": str(error)})

    def _decode(self, _context: Any, text: Any, _shape: int) -> int:
        return self.give(json.loads(self.text_of(text)))

    def _make_error(self, _context: Any, status: int, message: Any) -> int:
        return self.give(NativeError(status, self.text_of(message)))

    def _log(self, _context: Any, _level: int, message: Any) -> None:
        self.messages.append(self.text_of(message))

    def _reallocate(self, _context: Any, block: Any, old: int, new: int) -> Any:
        """The C library's, so that a sanitizer sees each block. Every old size has to be right."""
        at = int(self.ffi.cast("uintptr_t", block))
        if at and self.blocks.pop(at, None) != old:
            self.mistakes.append(f"a block was given back as one of {old} bytes")
        if new == 0:
            _ALLOCATOR.free(_C.cast("void *", at))
            return self.ffi.NULL
        made = int(_C.cast("uintptr_t", _ALLOCATOR.realloc(_C.cast("void *", at), new)))
        self.blocks[made] = new
        return self.ffi.cast("void *", made)

    def put(self, tape: Any, value: Any) -> None:
        """A value as tokens; what walks an object of its own does the same."""
        lib = self.lib
        if value is None:
            lib.scopeflow_tape_put_null(tape)
        elif isinstance(value, bool):
            lib.scopeflow_tape_put_bool(tape, value)
        elif isinstance(value, int):
            lib.scopeflow_tape_put_int(tape, value)
        elif isinstance(value, float):
            lib.scopeflow_tape_put_double(tape, value)
        elif isinstance(value, str):
            lib.scopeflow_tape_put_text(tape, lib.SCOPEFLOW_TOKEN_STRING, *self.texts(value))
        elif isinstance(value, dict):
            items = [part for item in value.items() for part in item]
            self._put_container(tape, lib.SCOPEFLOW_TOKEN_OBJECT, items)
        elif isinstance(value, list):
            self._put_container(tape, lib.SCOPEFLOW_TOKEN_ARRAY, value)
        elif callable(value):
            value(tape)  # A test's own way to walk.
        else:
            name = type(value).__name__
            lib.scopeflow_tape_put_text(tape, lib.SCOPEFLOW_TOKEN_UNSERIALIZABLE, *self.texts(name))

    def _put_container(self, tape: Any, token: int, parts: list) -> None:
        self.lib.scopeflow_tape_put_mark(tape, token)
        for part in parts:
            self.put(tape, part)
        self.lib.scopeflow_tape_put_mark(tape, self.lib.SCOPEFLOW_TOKEN_END)

    # --- Arguments and results ---

    def texts(self, *values: str | bytes) -> list:
        """As `scopeflow_bytes`; their memory lives as long as the last few hundred of them."""
        made = []
        for value in values:
            raw = value.encode() if isinstance(value, str) else value
            memory = self.ffi.new("char[]", raw)
            self._callbacks.append(memory)
            made.append(self.ffi.new("scopeflow_bytes *", [memory, len(raw)])[0])
        return made

    def text_of(self, text: Any) -> str:
        return self.ffi.unpack(text.ptr, text.len).decode() if text.len else ""

    def options(self, operation: str, task: Task | None = None, **values: Any) -> Any:
        """The struct of options of an operation, from its initial value."""
        struct = f"scopeflow_{operation}_options"
        options = self.lib.initial(struct)
        kinds = {name: field.type for name, field in self.ffi.typeof(struct).fields}
        for name, value in values.items():
            if isinstance(value, (str, bytes)) and kinds[name].kind == "struct":
                [value] = self.texts(value)
            elif kinds[name].kind == "primitive" and kinds[name].cname == "uintptr_t":
                assert task is not None
                is_taken = isinstance(value, Taken)
                ref = self.give(value.value if is_taken else value)
                (task.taken if is_taken else task.borrowed).append(ref)
                value = ref
            setattr(options, name, value)
        return options

    def call(self, function: str, *arguments: Any) -> None:
        """A function that returns a status."""
        error = self.ffi.new("scopeflow_error *")
        status = getattr(self.lib, f"scopeflow_{function}")(*arguments, error)
        if status != self.lib.SCOPEFLOW_STATUS_OK:
            name = self.ffi.string(self.lib.scopeflow_status_name(status)).decode()
            raise Failed(name, self.ffi.string(error.message).decode())

    def make(self, function: str, *before: Any, **options: Any) -> Any:
        """An object, by its constructor."""
        kind = function.rsplit("_", 1)[0]
        out = self.ffi.new(f"scopeflow_{kind} **")
        self.call(function, *before, self.options(function, **options), out)
        return out[0]

    def read(self, function: str, kind: str, *arguments: Any) -> Any:
        """What a function fills."""
        out = self.ffi.new(f"{kind} *")
        self.call(function, *arguments, out)
        return out[0]

    def register(self, registry: str, name: str, function: Any, *, on: Any = None,
                 priority: int | None = 0, flags: int = 0) -> None:  # fmt: skip
        prefix = "register_" if on is None else "scope_register_"
        ref = self.give(function)
        before = [] if priority is None else [priority]
        try:
            owner = self.runtime if on is None else on
            self.call(prefix + registry, owner, *self.texts(name), *before, ref, flags)
        except Failed:
            self.release(ref)
            raise

    # --- Tasks ---

    def begin(self, operation: str, on: Any = None, *, target: Callable | None = None,
              finalizer: Callable | None = None, **options: Any) -> Task:  # fmt: skip
        task = Task(self, target, finalizer)
        task.kept.append(given := self.options(operation, task, **options))
        try:
            owner = self.runtime if on is None else on
            self.call(operation, owner, given, task.memory, task.step)
        except Failed:
            self._let_go([*task.borrowed, *task.taken])
            raise
        return task

    def run(self, operation: str, on: Any = None, **options: Any) -> Any:
        return self.drive(self.begin(operation, on, **options))

    def drive(self, task: Task) -> Any:
        """Does what the core says until the task has ended."""
        lib, step = self.lib, task.step
        while step.kind not in (
            lib.SCOPEFLOW_STEP_KIND_DONE,
            lib.SCOPEFLOW_STEP_KIND_RETURN,
            lib.SCOPEFLOW_STEP_KIND_RAISE,
        ):
            self.call("task_resume", task.memory, self.answer(task), step)
        self._let_go(task.borrowed)
        if step.kind == lib.SCOPEFLOW_STEP_KIND_DONE:
            return step.scope
        value = self.take_back(step.value)
        if step.kind == lib.SCOPEFLOW_STEP_KIND_RETURN:
            return value
        if step.status == lib.SCOPEFLOW_STATUS_OK:
            raise value
        raise Raised(value)

    def abandon(self, task: Task) -> None:
        self.lib.scopeflow_task_abandon(task.memory)
        self._let_go(task.borrowed)

    def _let_go(self, refs: list[int]) -> None:
        for ref in refs:
            self.release(ref)
        refs.clear()

    def answer(self, task: Task) -> Any:
        answer = self.ffi.new("scopeflow_answer *")
        try:
            value = self._do(task, answer)
        except Exception as error:
            answer.kind = self.lib.SCOPEFLOW_ANSWER_KIND_ERROR
            answer.value = self.give(error)
            return answer
        if isinstance(value, Refuse):
            answer.kind = self.lib.SCOPEFLOW_ANSWER_KIND_REFUSE
            value = value.reason
        answer.value = self.give(value)
        return answer

    def _do(self, task: Task, answer: Any) -> Any:
        """What a step asks for: each kind in its way."""
        lib, step = self.lib, task.step
        function = self.objects.get(step.callable)
        given = self.objects.get(step.input)
        if step.kind == lib.SCOPEFLOW_STEP_KIND_DELIVER:
            function(step.event)
            return None
        if step.kind == lib.SCOPEFLOW_STEP_KIND_INVOKE:
            return function(step)
        if step.kind == lib.SCOPEFLOW_STEP_KIND_EXECUTE:
            return function(given, self._next(task)) if function else task.target(given)
        if step.kind == lib.SCOPEFLOW_STEP_KIND_STREAM:
            return self._chunk(task, answer)
        if step.kind == lib.SCOPEFLOW_STEP_KIND_FINALIZE:
            return task.finalizer()
        return function(step.codec_action, given, self.objects.get(step.annotated))

    def _next(self, task: Task) -> Callable:
        """The rest of the chain behind an execution intercept, as often as it likes."""
        position = task.step.position

        def next(request: Any) -> Any:
            is_stream = task.finalizer is not None
            return self.run("task_link", target=task.target, finalizer=task.finalizer,
                            call=task.memory, position=position if is_stream else 0,
                            request=request)  # fmt: skip

        return next

    def _chunk(self, task: Task, answer: Any) -> Any:
        if task.step.value:
            task.chunks = iter(self.take_back(task.step.value))
        for _ in task.chunks:
            answer.kind = self.lib.SCOPEFLOW_ANSWER_KIND_CHUNK
            break
        return None

    # --- Scopes and events ---

    def push(self, name: str, **options: Any) -> Any:
        return self.run("scope_push", name=name, **options)

    def pop(self, scope: Any, **options: Any) -> None:
        self.run("scope_pop", scope, current=scope, **options)

    def event(self, event: Any) -> dict:
        """The event as the object that it is in a file."""
        part = self.lib.SCOPEFLOW_EVENT_PART_LINE
        return json.loads(self.text_of(self.read("event_json", "scopeflow_bytes", event, part)))

    def hear(self, name: str = "ears", on: Any = None) -> list[dict]:
        """The events from now on."""
        heard: list[dict] = []
        self.register("subscriber", name, lambda event: heard.append(self.event(event)),
                      on=on, priority=None)  # fmt: skip
        return heard

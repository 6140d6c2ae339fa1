# The runtime: what the generated operations stand on, the operations that take steps, and what has to
# happen at fork and at exit.

@cython.final
cdef class Runtime(RuntimeOperations):
    """An independent runtime with its own registries, clock and ids (S6.1).

    flags: RuntimeFlags, for tests.
    clock_start, clock_step: First reading of the deterministic clock and the distance between two
        readings, in nanoseconds.
    payload_budget: Largest JSON text of one payload in an event, in bytes; 64 to 1073741824.

    The modules of the package use the one that `default_runtime` names. May be used from any
    thread. Has one method for each operation of the spec.
    """

    cdef object variable
    # The root's one handle.
    cdef ScopeHandle root
    cdef PyObject *previous
    cdef PyObject *next

    def __cinit__(
        self, *, flags=None, clock_start=0, clock_step=1_000_000, payload_budget=1_048_576,
    ):
        self.variable = PyContextVar_New(b"scopeflow_current", NULL)
        self.pointer = make_runtime_new(&HOST, flags, clock_start, clock_step, payload_budget)
        link_runtime(self)
        self.runtime_root()

    def __dealloc__(self):
        if self.pointer != NULL:
            unlink_runtime(self)
            scopeflow_runtime_free(self.pointer)

    # --- Scopes ---

    def scope_push(
        self, name, scope_type, *, handle=None, attributes=None, data=None, metadata=None,
        input=None, subtype=None, timestamp=None,
    ):
        """Opens a scope, makes it current, and returns its handle.

        name: What the scope is called, at most 65,535 bytes.
        scope_type: What kind of work it is, a ScopeType.
        handle: An open scope to be the parent instead of the current one (S1.4).
        attributes: ScopeAttributes.
        data: Stays on the handle.
        metadata: The start event's metadata; kept for the end event (S2.5).
        input: The start event's data.
        subtype: Subtype of a custom scope, its name by default.
        timestamp: When it started, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidUtf8, LimitExceeded.
        """
        return open_scope(
            self, name, scope_type, handle, attributes, data, metadata, input, subtype, timestamp
        )

    def scope_pop(
        self, handle, *, output=None, metadata=None, error=None, status=None, timestamp=None,
        flags=None,
    ):
        """Ends a scope.

        handle: The scope. One with an open descendant in this context, the root, and one that has
            ended already are refused (S1.6); `handle.close()` ends in any order.
        output: The end event's data.
        metadata: Merged over the start's metadata (S2.5).
        error: The exception that it ended with; described in the end event's metadata.
        status: EndStatus; follows from `error` by default.
        timestamp: When it ended, an aware datetime or nanoseconds since 1970; now by default.
        flags: Bits of the spec's `pop_flag`.

        Raises InvalidArgument, InvalidState, NotFound.
        """
        handle_argument(handle, ScopeHandle, "handle")
        end_scope(
            <ScopeHandle>handle,
            0 if flags is None else u32_argument(flags, 0, 0xFFFFFFFF, "flags"), output, metadata,
            status, error, timestamp,
        )

    def scope_event(self, name, *, handle=None, data=None, metadata=None, timestamp=None):
        """Emits a mark under the current scope.

        name: What happened, at most 65,535 bytes.
        handle: An open scope to stand under instead of the current one.
        data: The mark's data.
        metadata: The mark's metadata.
        timestamp: When it happened, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidUtf8, LimitExceeded.
        """
        cdef scopeflow_task task
        cdef scopeflow_step step
        current = current_of(self)
        begin_scope_event(
            self.pointer, pointer_of(current), glue_emitter(), name, handle, data, metadata,
            timestamp, &task, &step,
        )
        if step.kind != SCOPEFLOW_STEP_KIND_DONE:
            finish_task(&task, &step)

    def scope(
        self, name, scope_type, *, handle=None, attributes=None, data=None, metadata=None,
        input=None, subtype=None, timestamp=None, end_timestamp=None,
    ):
        """A context manager that opens a scope on entering and ends it on leaving, with status OK,
        or ERROR or cancelled and the exception. It yields the handle. The arguments are those of
        `scope_push`; `end_timestamp` is when the scope ended, now by default."""
        cdef ScopeManager manager = ScopeManager.__new__(ScopeManager)
        manager.runtime = self
        manager.positional = (name, scope_type)
        manager.named = {
            "handle": handle, "attributes": attributes, "data": data, "metadata": metadata,
            "input": input, "subtype": subtype, "timestamp": timestamp,
        }
        manager.end_timestamp = end_timestamp
        return manager

    def get_handle(self):
        """The current scope: the nearest one that has not ended, else the root (S1.5)."""
        current = nearest_open(<ScopeHandle>current_of(self))
        return self.root if current is None else current

    # --- Calls ---

    def tool_execute(
        self, name, args, func, *, handle=None, attributes=None, data=None, metadata=None,
        tool_call_id=None, timestamp=None,
    ):
        """Runs a tool under management; to be awaited for what `func` returns.

        name: The tool's name, at most 65,535 bytes.
        args: What `func` is called with, this very object.
        func: The tool, sync or async: `func(args)`.
        handle: An open scope to be the parent instead of the current one.
        attributes: ToolAttributes.
        data: The end event's data when the tool returns nothing.
        metadata: The start event's metadata; kept for the end event (S2.5).
        tool_call_id: The provider's id of this call.
        timestamp: When it started, an aware datetime or nanoseconds since 1970; now by default.

        Nothing happens before it is awaited; arguments are checked then. The tool's own exception
        comes out unchanged. Raises GuardrailRejected when a guardrail refuses, a guardrail's own
        exception when one fails, InvalidArgument, InvalidUtf8, LimitExceeded.
        """
        return new_call(
            self, name, args, func, handle, attributes, data, metadata, tool_call_id, timestamp
        )

    def tool_execute_sync(
        self, name, args, func, *, handle=None, attributes=None, data=None, metadata=None,
        tool_call_id=None, timestamp=None,
    ):
        """Runs a tool under management and returns what `func` returns. As `tool_execute`, but
        raises InvalidState for a tool or guardrail that has to be awaited (S3.8)."""
        cdef PyObject *value = NULL
        cdef ManagedCall call = new_call(
            self, name, args, func, handle, attributes, data, metadata, tool_call_id, timestamp
        )
        call.is_sync = True
        if is_async_callable(func):
            call.state = CLOSED
            raise InvalidState(f"tool '{name}' is async and cannot be run by a sync call")
        if advance(call, PYGEN_RETURN, NULL, &value) != PYGEN_RETURN:
            propagate()
        result = <object>value
        DECREF(value)
        return result

    # --- All of it ---

    def runtime_flush(self):
        """Delivers what is still owed: the ends of abandoned scopes (S1.12)."""
        cdef scopeflow_task task
        cdef scopeflow_step step
        begin_runtime_flush(self.pointer, glue_emitter(), &task, &step)
        if step.kind != SCOPEFLOW_STEP_KIND_DONE:
            finish_task(&task, &step)

    def stats(self):
        """The counters of the runtime, a RuntimeStats."""
        return self.runtime_read_stats()


push_with_keywords = glue_replace_method(
    <PyTypeObject *>Runtime, b"scope_push", <method_function>push_plainly
)
pop_with_keywords = glue_replace_method(
    <PyTypeObject *>Runtime, b"scope_pop", <method_function>pop_plainly
)


# --- All runtimes of the process ---


cdef PyObject *first_runtime = NULL


cdef void link_runtime(Runtime self) noexcept:
    global first_runtime
    self.previous = NULL
    self.next = first_runtime
    if first_runtime != NULL:
        (<Runtime>first_runtime).previous = <PyObject *>self
    first_runtime = <PyObject *>self


cdef void unlink_runtime(Runtime self) noexcept:
    global first_runtime
    if self.previous != NULL:
        (<Runtime>self.previous).next = self.next
    else:
        first_runtime = self.next
    if self.next != NULL:
        (<Runtime>self.next).previous = self.previous


cdef list live_runtimes():
    cdef PyObject *runtime = first_runtime
    found = []
    while runtime != NULL:
        found.append(<object>runtime)
        runtime = (<Runtime>runtime).next
    return found


def after_fork():
    """S1.13: in the child, what was open in the parent is the parent's."""
    for runtime in live_runtimes():
        runtime.runtime_after_fork()


def at_exit():
    """Delivers what is owed while subscribers can still run."""
    for runtime in live_runtimes():
        try:
            runtime.runtime_flush()
        except BaseException as error:
            log_failure("flush at exit", error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
atexit.register(at_exit)

default_runtime = Runtime()


# --- Garbage collection ---


cdef traverseproc traverse_runtime_attributes = NULL


cdef int traverse_runtime(PyObject *self, visitproc visit, void *argument) noexcept:
    """Shows the collector what was registered on the runtime itself, which may refer to it."""
    cdef int stop = traverse_runtime_attributes(self, visit, argument)
    cdef scopeflow_runtime *pointer = (<Runtime>self).pointer
    cdef scopeflow_ref callable = 0
    cdef uint32_t index = 0
    while stop == 0 and pointer != NULL:
        if scopeflow_runtime_callable_at(pointer, index, &callable, NULL) != SCOPEFLOW_STATUS_OK:
            break
        if callable == 0:
            break
        stop = visit(<PyObject *>callable, argument)
        index += 1
    return stop


traverse_runtime_attributes = (<PyTypeObject *>Runtime).tp_traverse
(<PyTypeObject *>Runtime).tp_traverse = traverse_runtime

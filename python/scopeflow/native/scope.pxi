# Scope handles, and which scope is current. Current is a value of a context variable, so a task or
# thread that inherits a context can never change what its siblings see (S1.9).

@cython.final
@cython.freelist(64)
@cython.trashcan(True)
cdef class ScopeHandle:
    """A scope of work: a reference to a node of the scope tree.

    Handles are made by `scope.push`, `scope.scope`, `scope.get_handle` and managed calls. As a
    context manager a handle ends its scope on exit, with status OK, or ERROR and the error, and
    with what its attribute `output` holds. `data` and `metadata` are what it was opened with. A
    scope whose last handle goes while it is open is ended as abandoned (S1.12). May be used from
    any thread.

    >>> with scope.push("plan", ScopeType.Agent, input={"goal": "book"}) as handle:
    ...     handle.output = {"steps": 3}
    >>> handle
    <ScopeHandle 'plan' agent ended ...>
    """

    cdef scopeflow_scope *pointer
    cdef Runtime runtime
    # What was current when the scope was opened, None for nothing: it is what to restore (S1.5).
    cdef ScopeHandle opener
    # An explicit parent. Held so that the garbage collector never finds a parent's handle, which
    # shows it the parent's metadata, unreachable while a child still needs the parent.
    cdef ScopeHandle parent
    # Set where nothing was current before: resetting restores "unset", and costs less.
    cdef object token
    cdef readonly object data
    cdef readonly object metadata
    # The end event's data, for a `with` to set on the way.
    cdef public object output
    # Whether it is the span of a call, managed or not.
    cdef bint is_call
    # Beside the scope's own handle, which shows the collector what the scope holds.
    cdef bint is_view

    def __dealloc__(self):
        scopeflow_scope_release(self.pointer)

    @property
    def capsule(self):
        """The scope for an extension in C: a capsule `scopeflow.scope`, which holds the handle."""
        return owning_capsule(self.pointer, b"scopeflow.scope", self)

    @property
    def uuid(self):
        """The id that the scope's start and end event share, as text."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return uuid_text(&info.uuid)

    @property
    def parent_uuid(self):
        """The parent's id as text; None for the root."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return None if is_root(&info) else uuid_text(&info.parent_uuid)

    @property
    def name(self):
        """What the scope is called."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return text_of(info.name)

    @property
    def scope_type(self):
        """What kind of work it is, a ScopeType."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return enum_member(ScopeType, info.type)

    @property
    def subtype(self):
        """The subtype of a custom scope, else None."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return text_of(info.subtype) or None

    @property
    def attributes(self):
        """Its labels: ScopeAttributes, or ToolAttributes or LLMAttributes for a call."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        if not self.is_call:
            return ScopeAttributes(info.attributes)
        if info.type == SCOPEFLOW_SCOPE_TYPE_LLM:
            return LLMAttributes(info.attributes)
        return ToolAttributes(info.attributes)

    @property
    def tool_call_id(self):
        """The provider's id of a tool call, else None."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return text_of(info.tool_call_id) or None

    @property
    def model_name(self):
        """The name of the model of an LLM call, else None."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return text_of(info.model_name) or None

    @property
    def started_at_ns(self):
        """When it started, in nanoseconds since 1970-01-01 UTC."""
        cdef scopeflow_scope_info info
        describe(self, &info)
        return info.started_at_ns

    @property
    def started_at(self):
        """When it started, an aware datetime; microseconds are cut off."""
        return moment_of(self.started_at_ns)

    @property
    def is_open(self):
        """Whether the scope has not ended."""
        return scopeflow_scope_is_open(self.pointer) != 0

    def close(
        self, *, output=None, metadata=None, error=None, status=None, timestamp=None,
    ):
        """Ends the scope from any task, thread or order; an ended one is left alone (S1.6).

        output: The end event's data, that of the attribute `output` by default.
        metadata: Merged over the start's metadata (S2.5).
        error: The exception that it ended with; described in the end event's metadata.
        status: EndStatus; follows from `error` by default.
        timestamp: When it ended, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidState, TypeError.

        >>> handle = scope.push("plan", ScopeType.Agent)
        >>> handle.close(output={"steps": 3})
        >>> handle.is_open
        False
        """
        end_scope(
            self, SCOPEFLOW_POP_FLAG_CLOSE, self.output if output is None else output, metadata,
            status, error, timestamp,
        )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        exit_scope(self, error, None)
        return False

    def __repr__(self):
        state = "open" if self.is_open else "ended"
        kind = self.scope_type.name.lower()
        of_class = "ScopeHandle"
        if self.is_call:  # The peers have a class for each.
            of_class = "LLMHandle" if kind == "llm" else "ToolHandle"
        return f"<{of_class} {self.name!r} {kind} {state} {self.uuid}>"


cdef int describe(ScopeHandle self, scopeflow_scope_info *info) except -1:
    cdef scopeflow_error error
    if scopeflow_scope_describe(self.pointer, info, &error) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    return 0


cdef bint is_root(const scopeflow_scope_info *info) noexcept:
    for i in range(16):
        if info.parent_uuid.bytes[i] != 0:
            return False
    return True


cdef inline scopeflow_scope *pointer_of(handle) noexcept:
    """The core's scope of a context's value; None is the root."""
    return NULL if handle is None else (<ScopeHandle>handle).pointer


cdef ScopeHandle adopt_scope(RuntimeOperations runtime, scopeflow_scope *pointer):
    """A handle for a reference that is handed over. A scope has one handle, which shows the
    collector what the scope holds; the root's is kept by its runtime."""
    cdef ScopeHandle root = (<Runtime>runtime).root
    if root is not None and root.pointer == pointer:
        scopeflow_scope_release(pointer)
        return root
    cdef ScopeHandle handle = ScopeHandle.__new__(ScopeHandle)
    handle.pointer = pointer
    handle.runtime = <Runtime>runtime
    if root is None:
        handle.runtime.root = handle
    return handle


cdef ScopeHandle handle_of(Runtime runtime, scopeflow_scope *pointer, ScopeHandle near):
    """The handle of a scope that work belongs to, at or above `near`. Where that is not to be
    found, for a scope that has none as yet or none any more, a second one that only looks."""
    cdef ScopeHandle at = near
    while at is not None:
        if at.pointer == pointer:
            return at
        if at.parent is not None and at.parent.pointer == pointer:
            return at.parent
        at = at.opener
    if runtime.root.pointer == pointer:
        return runtime.root
    at = ScopeHandle.__new__(ScopeHandle)
    at.pointer = scopeflow_scope_retain(pointer)
    at.runtime = runtime
    at.is_view = True
    return at


# --- What is current ---


cdef inline current_of(Runtime runtime):
    """The context's value, ended or not; None where nothing was opened."""
    return glue_context_value_as(
        <PyObject *>runtime.variable, <PyTypeObject *>ScopeHandle, handle_in_stack
    )


cdef object handle_in_stack(object stack):
    """The variable has a name that others may use, so that anything could stand in it."""
    if type(stack) is not ScopeStack:
        raise wrong_type("the current scope stack", "ScopeStack", stack)
    return (<ScopeStack>stack).handle


cdef inline int enter_scope(ScopeHandle self, current, bint was_heard) except -1:
    """Makes the scope current. What was current is remembered, so that its end can restore it. A
    token would restore what a callback has left here, where the host's code has run meanwhile."""
    if current is None and (not was_heard or current_of(self.runtime) is None):
        self.token = PyContextVar_Set(<PyObject *>self.runtime.variable, <PyObject *>self)
        return 0
    if current is not None:
        self.opener = <ScopeHandle>current
        if scopeflow_scope_is_open(self.opener.pointer) == 0:
            # A row of tasks, each started by one that has ended, must not hold each other for ever.
            self.opener.opener = nearest_in_force(self.opener.opener)
        # A token holds its context, and so whatever becomes current there: a handle that somebody
        # keeps must not keep that (S1.12).
        self.opener.token = None
    PyContextVar_Set(<PyObject *>self.runtime.variable, <PyObject *>self)
    return 0


cdef inline int leave_scope(ScopeHandle self, current) except -1:
    """S1.5: restores by value, to the nearest scope in force, and only if the ended one is still
    current. An ended scope that carries a guard stays the context's value: nothing escapes a guard
    by outliving it (S1.4). A token of another context is no error: then "nothing" is restored by
    value."""
    cdef int failed
    if current is not self:
        self.token = None
        return 0
    if self.token is not None:
        failed = PyContextVar_Reset(<PyObject *>self.runtime.variable, <PyObject *>self.token)
        self.token = None
        if failed == 0:
            return 0
        PyErr_Clear()
    outer = nearest_in_force(self.opener)
    PyContextVar_Set(<PyObject *>self.runtime.variable, <PyObject *>outer)
    return 0


cdef ScopeHandle nearest_open(ScopeHandle handle):
    while handle is not None and scopeflow_scope_is_open(handle.pointer) == 0:
        handle = handle.opener
    return handle


cdef inline ScopeHandle nearest_in_force(ScopeHandle handle):
    while handle is not None and scopeflow_scope_is_in_force(handle.pointer) == 0:
        handle = handle.opener
    return handle


# --- Opening ---


cdef inline ScopeHandle open_scope(
    Runtime runtime, name, scope_type, handle, attributes, data, metadata, input, subtype,
    timestamp,
):
    cdef scopeflow_task task
    cdef scopeflow_step step
    cdef ScopeHandle opened = ScopeHandle.__new__(ScopeHandle)
    current = current_of(runtime)
    begin_scope_push(
        runtime.pointer, pointer_of(current), glue_emitter(), name, scope_type, handle, attributes,
        subtype, metadata, input, timestamp, &task, &step,
    )
    cdef bint was_heard = step.kind != SCOPEFLOW_STEP_KIND_DONE
    if was_heard:
        finish_task(
            runtime, <ScopeHandle>(current if handle is None else handle), &task, &step
        )
    fill_handle(opened, runtime, step.scope, handle, data, metadata)
    enter_scope(opened, current, was_heard)
    return opened


cdef inline void fill_handle(
    ScopeHandle opened, Runtime runtime, scopeflow_scope *pointer, handle, data, metadata,
) noexcept:
    """New handles hold None everywhere: most of these stay so."""
    opened.pointer = pointer
    opened.runtime = runtime
    if handle is not None:
        opened.parent = <ScopeHandle>handle
    if data is not None:
        opened.data = data
    if metadata is not None:
        opened.metadata = metadata


# --- Ending ---


cdef int end_scope(
    ScopeHandle self, uint32_t flags, output, metadata, status, error, timestamp,
) except -1:
    cdef scopeflow_task task
    cdef scopeflow_step step
    current = current_of(self.runtime)
    if error is not None:
        status = end_status(status, error)
    begin_scope_pop(
        self.pointer, pointer_of(current), glue_emitter(), flags, output, metadata, status, error,
        timestamp, &task, &step,
    )
    leave_scope(self, current)
    if step.kind != SCOPEFLOW_STEP_KIND_DONE:
        finish_task(self.runtime, self, &task, &step)
    return 0


cdef int exit_scope(ScopeHandle self, error, timestamp) except -1:
    """The end of a `with`: its outcome is known, so the end says it (S2.4). In a forked child the
    core keeps silent about the parent's scope (S1.13)."""
    return end_scope(
        self, SCOPEFLOW_POP_FLAG_CLOSE, self.output, None,
        EndStatus.Ok if error is None else None, error, timestamp,
    )


@cython.final
cdef class ScopeManager:
    """A scope that is opened on entering a `with` and ended on leaving it."""

    cdef Runtime runtime
    cdef tuple positional
    cdef dict named
    cdef object end_timestamp
    cdef ScopeHandle handle

    def __enter__(self):
        if self.handle is not None:
            raise InvalidState("this scope has been entered already; make another one")
        self.handle = self.runtime.scope_push(*self.positional, **self.named)
        return self.handle

    def __exit__(self, kind, error, traceback):
        handle = self.handle
        self.handle = None
        exit_scope(handle, error, self.end_timestamp)
        return False

    def __repr__(self):
        state = "to be entered" if self.handle is None else "entered"
        return f"<scope {self.positional[0]!r}, {state}>"


# --- The plain forms ---

# `push(name, scope_type)` and `pop(handle)` are what most calls look like. They go past the
# unpacking of keywords that Cython generates, which would be a twentieth of a scope.

# `open_scope` with its arguments borrowed and its result handed over, as C has it.
ctypedef PyObject *(*open_scope_function)(
    PyObject *runtime, PyObject *name, PyObject *scope_type, PyObject *handle, PyObject *attributes,
    PyObject *data, PyObject *metadata, PyObject *input, PyObject *subtype, PyObject *timestamp,
) except NULL

cdef method_function push_with_keywords = NULL
cdef method_function pop_with_keywords = NULL


cdef PyObject *push_plainly(
    PyObject *self, PyObject **arguments, Py_ssize_t count, PyObject *names,
) except NULL:
    if count != 2 or names != NULL:
        return push_with_keywords(self, arguments, count, names)
    cdef PyObject *none = <PyObject *>None
    # By way of a variable: compilers warn of a direct call through another type.
    cdef open_scope_function open_borrowed = <open_scope_function>open_scope
    return open_borrowed(
        self, arguments[0], arguments[1], none, none, none, none, none, none, none
    )


cdef PyObject *pop_plainly(
    PyObject *self, PyObject **arguments, Py_ssize_t count, PyObject *names,
) except NULL:
    if count != 1 or names != NULL:
        return pop_with_keywords(self, arguments, count, names)
    handle_argument(<object>arguments[0], ScopeHandle, "handle")
    end_scope(<ScopeHandle>arguments[0], 0, None, None, None, None, None)
    INCREF(<PyObject *>None)
    return <PyObject *>None


# --- Garbage collection ---


cdef traverseproc traverse_handle_attributes = NULL


cdef int traverse_handle(PyObject *self, visitproc visit, void *argument) noexcept:
    """Shows the collector what the core holds for this scope, the metadata and what was registered:
    nobody else holds those references, and every handle that could need them holds this handle."""
    cdef int stop = traverse_handle_attributes(self, visit, argument)
    if (<ScopeHandle>self).is_view:
        return stop
    cdef scopeflow_scope *pointer = (<ScopeHandle>self).pointer
    cdef scopeflow_ref held = scopeflow_scope_metadata(pointer)
    cdef uint32_t index = 0
    if stop == 0 and held != 0:
        stop = visit(<PyObject *>held, argument)
    while stop == 0 and pointer != NULL:
        if scopeflow_scope_callable_at(pointer, index, &held, NULL) != SCOPEFLOW_STATUS_OK:
            break
        if held == 0:
            break
        stop = visit(<PyObject *>held, argument)
        index += 1
    return stop


traverse_handle_attributes = (<PyTypeObject *>ScopeHandle).tp_traverse
(<PyTypeObject *>ScopeHandle).tp_traverse = traverse_handle

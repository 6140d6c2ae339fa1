# The awaitable of a managed call. It is a coroutine in all but its type: `await`, asyncio's tasks and
# `collections.abc.Coroutine` take it for one. Written by hand, because an `async def` of Cython's would
# cost half as much again as the whole call, and one of Python's nearly as much.

cdef enum:
    NEW = 0
    RUNNING = 1
    SUSPENDED = 2
    CLOSED = 3


@cython.final
@cython.freelist(16)
cdef class ManagedCall:
    """A managed tool call that is to be awaited, once. Made by `tools.execute`.

    Nothing happens before it is awaited. Dropped while it is suspended, it ends as abandoned
    (S1.12). For one thread at a time.
    """

    cdef scopeflow_task task
    cdef scopeflow_step step
    cdef int state
    cdef bint is_sync
    cdef Runtime runtime
    # What the task borrows; all of it is held to the end of the call.
    cdef object name
    cdef object request
    cdef object target
    cdef object parent
    cdef object attributes
    cdef object tool_call_id
    cdef object data
    cdef object metadata
    cdef object timestamp
    # What was current when the call began, its own span, and what is being awaited.
    cdef object current
    cdef ScopeHandle span
    cdef object awaiting

    def __await__(self):
        if self.state == RUNNING or self.state == SUSPENDED:
            raise RuntimeError("coroutine is being awaited already")
        return self

    def send(self, value):
        """Goes on with a value for what is being awaited; the first one has to be None."""
        cdef PyObject *result = NULL
        # Two statements: C evaluates arguments in any order.
        cdef PySendResult how = send_to_call(<PyObject *>self, <PyObject *>value, &result)
        return give(how, result)

    def throw(self, kind, value=None, traceback=None):
        """Raises an exception where the call waits."""
        cdef PyObject *result = NULL
        cdef PySendResult how = throw_into(self, exception_of(kind, value, traceback), &result)
        return give(how, result)

    def close(self):
        """Ends the call as cancelled where it waits (GeneratorExit)."""
        cdef PyObject *result = NULL
        cdef PySendResult how
        if self.state == NEW or self.state == CLOSED:
            close_call(self)
            return
        how = throw_into(self, GeneratorExit(), &result)
        if how == PYGEN_ERROR:
            swallow_exit()
            return
        DECREF(result)
        if how == PYGEN_NEXT:
            raise RuntimeError("coroutine ignored GeneratorExit")

    def __dealloc__(self):
        # Not in `__del__`: an object from the free list counts as finalised already.
        scopeflow_task_abandon(&self.task)
        if self.state == NEW:
            PyErr_WarnEx(
                <PyObject *>RuntimeWarning, b"coroutine 'tools.execute' was never awaited", 1
            )

    @property
    def __name__(self):
        return "execute"

    @property
    def __qualname__(self):
        return "tools.execute"

    @property
    def cr_running(self):
        """Whether the call is being driven just now."""
        return self.state == RUNNING

    @property
    def cr_suspended(self):
        """Whether the call waits for something."""
        return self.state == SUSPENDED

    @property
    def cr_await(self):
        """What the call waits for, or None."""
        return self.awaiting

    @property
    def cr_frame(self):
        """Always None: the call has no Python frame."""
        return None

    @property
    def cr_code(self):
        """Always None: the call has no Python code."""
        return None

    @property
    def cr_origin(self):
        """Always None."""
        return None

    def __repr__(self):
        return f"<coroutine object tools.execute of {self.name!r}>"


cdef ManagedCall new_call(
    Runtime runtime, name, request, target, parent, attributes, data, metadata, tool_call_id,
    timestamp,
):
    if not callable(target):
        raise wrong_type("func", "callable", target)
    cdef ManagedCall call = ManagedCall.__new__(ManagedCall)
    call.runtime = runtime
    call.name = name
    call.request = request
    call.target = target
    call.parent = parent
    call.attributes = attributes
    call.data = data
    call.metadata = metadata
    call.tool_call_id = tool_call_id
    call.timestamp = timestamp
    return call


cdef void close_call(ManagedCall self) noexcept:
    """Lets go of everything. A task that has not ended is abandoned, without running host code."""
    self.state = CLOSED
    scopeflow_task_abandon(&self.task)
    self.request = None
    self.target = None
    self.parent = None
    self.data = None
    self.metadata = None
    self.current = None
    self.span = None
    self.awaiting = None


# --- Driving ---


cdef PySendResult send_to_call(PyObject *call, PyObject *value, PyObject **result) noexcept:
    """`am_send`."""
    cdef ManagedCall self = <ManagedCall>call
    cdef PySendResult how = PYGEN_RETURN
    if self.state == SUSPENDED:
        self.state = RUNNING
        how = PyIter_Send(<PyObject *>self.awaiting, value, result)
        if how == PYGEN_NEXT:
            self.state = SUSPENDED
            return how
        return advance(self, how, result[0], result)
    if self.state == NEW and value == <PyObject *>None:
        return advance(self, how, NULL, result)
    return refuse_send(self)


cdef PySendResult refuse_send(ManagedCall self) noexcept:
    if self.state == NEW:
        error = TypeError("can't send non-None value to a just-started coroutine")
    elif self.state == RUNNING:
        error = ValueError("coroutine already executing")
    else:
        error = RuntimeError("cannot reuse already awaited coroutine")
    INCREF(<PyObject *>error)
    glue_raise(<PyObject *>error)
    return PYGEN_ERROR


cdef PyObject *next_of_call(PyObject *call) noexcept:
    """`tp_iternext`: the end of the call is StopIteration with its result."""
    cdef PyObject *result = NULL
    cdef PySendResult how = send_to_call(call, <PyObject *>None, &result)
    if how == PYGEN_NEXT:
        return result
    if how == PYGEN_RETURN:
        glue_raise_stop_iteration(result)
    return NULL


cdef PySendResult throw_into(ManagedCall self, error, PyObject **result) noexcept:
    """Lets what is awaited have the exception first, as the interpreter does for `await`."""
    cdef PySendResult how
    cdef PyObject *given = NULL
    if self.state == SUSPENDED:
        self.state = RUNNING
        how = throw_further(self.awaiting, error, &given)
        if how == PYGEN_NEXT:
            self.state = SUSPENDED
            result[0] = given
            return how
        return advance(self, how, given, result)
    if self.state != NEW:
        return refuse_send(self)
    close_call(self)
    INCREF(<PyObject *>error)
    glue_raise(<PyObject *>error)
    return PYGEN_ERROR


cdef PySendResult throw_further(awaited, error, PyObject **result) noexcept:
    """GeneratorExit closes what is awaited; any other exception is thrown into it."""
    is_exit = isinstance(error, GeneratorExit)
    method = getattr(awaited, "close" if is_exit else "throw", None)
    cdef PyObject *arguments[2]
    arguments[1] = <PyObject *>error
    if method is not None:
        result[0] = PyObject_Vectorcall(
            <PyObject *>method, &arguments[1],
            (0 if is_exit else 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL,
        )
        if result[0] == NULL:
            result[0] = glue_take_stop_iteration()
            return PYGEN_ERROR if result[0] == NULL else PYGEN_RETURN
        if not is_exit:
            return PYGEN_NEXT
        DECREF(result[0])
    INCREF(<PyObject *>error)
    glue_raise(<PyObject *>error)
    return PYGEN_ERROR


cdef give(PySendResult how, PyObject *result):
    """The outcome of a step as `send` and `throw` give it."""
    if how == PYGEN_RETURN:
        glue_raise_stop_iteration(result)
    if how != PYGEN_NEXT:
        propagate()
    value = <object>result
    DECREF(result)
    return value


cdef exception_of(kind, value, traceback):
    """The instance that `throw(type, value, traceback)` means."""
    if isinstance(kind, BaseException):
        error = kind
    elif isinstance(value, BaseException):
        error = value
    elif isinstance(kind, type) and issubclass(kind, BaseException):
        error = kind() if value is None else kind(value)
    else:
        raise wrong_type("the exception", "an exception class or instance", kind)
    return error if traceback is None else error.with_traceback(traceback)


cdef int swallow_exit() except -1:
    """`close` ends quietly when the call let GeneratorExit or its end through."""
    cdef PyObject *raised = glue_take_raised()
    error = <object>raised
    if isinstance(error, (GeneratorExit, StopIteration)):
        DECREF(raised)
        return 0
    glue_raise(raised)
    return -1


# --- Type slots ---


cdef traverseproc traverse_call_attributes = NULL


cdef int traverse_call(PyObject *call, visitproc visit, void *argument) noexcept:
    """While guards run, the span that will hold the metadata has no handle yet that could show it."""
    cdef int stop = traverse_call_attributes(call, visit, argument)
    cdef ManagedCall self = <ManagedCall>call
    if stop != 0 or self.state != SUSPENDED or self.span is not None or self.metadata is None:
        return stop
    return visit(<PyObject *>self.metadata, argument)


traverse_call_attributes = (<PyTypeObject *>ManagedCall).tp_traverse
(<PyTypeObject *>ManagedCall).tp_traverse = traverse_call
glue_make_coroutine(<PyTypeObject *>ManagedCall, send_to_call, next_of_call)

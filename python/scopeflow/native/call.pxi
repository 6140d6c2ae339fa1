# The awaitable of a managed call, of the rest of its chain, of its standalone helpers. It is a
# coroutine in all but its type: `await`, asyncio's tasks and `collections.abc.Coroutine` take it
# for one. Written by hand, because an `async def` of Cython's would cost half as much again as
# the whole call, and one of Python's nearly as much.

cdef enum:
    NEW = 0
    RUNNING = 1
    SUSPENDED = 2
    CLOSED = 3
    # Of a stream: a chunk has been handed over, the next one not yet asked for.
    BETWEEN = 4

cdef enum:
    # Which operation it is.
    TOOL_EXECUTE = 0
    LLM_EXECUTE = 1
    LLM_STREAM_EXECUTE = 2
    NEXT = 3
    TOOL_REQUEST_INTERCEPTS = 4
    TOOL_CONDITIONAL_EXECUTION = 5
    LLM_REQUEST_INTERCEPTS = 6
    LLM_CONDITIONAL_EXECUTION = 7

cdef tuple OPERATION_NAMES = (
    "tools.execute",
    "llm.execute",
    "llm.stream_execute",
    "next",
    "tools.request_intercepts",
    "tools.conditional_execution",
    "llm.request_intercepts",
    "llm.conditional_execution",
)


cdef inline bint returns_request(int operation) noexcept:
    return operation == TOOL_REQUEST_INTERCEPTS or operation == LLM_REQUEST_INTERCEPTS


@cython.final
@cython.freelist(16)
cdef class ManagedCall:
    """A managed call that is to be awaited, once. Made by `tools.execute` and the like.

    Nothing happens before it is awaited. Dropped while it is suspended, it ends as abandoned
    (S1.12). For one thread at a time.
    """

    cdef scopeflow_task task
    cdef scopeflow_step step
    cdef int state
    cdef int operation
    cdef bint is_sync
    # GeneratorExit has passed: nothing can be awaited any more (S3.8).
    cdef bint is_closing
    cdef Runtime runtime
    # What the task borrows; all of it is held to the end of the call.
    cdef object name
    cdef object request
    cdef object target
    cdef object parent
    cdef object attributes
    # The id of a tool call, or the name of a model.
    cdef object detail
    cdef object data
    cdef object metadata
    cdef object timestamp
    cdef object codec
    cdef object response_codec
    # Only of a streamed call; its producer's context, and that if it is the one to go on in.
    cdef StreamWork stream
    cdef object own_context
    cdef object context
    # Of the rest of a chain: the `next` that it was made by.
    cdef object link_of
    # The `next` that the running intercept has, a reference of its own.
    cdef PyObject *continuation
    # Of a streamed call and all below it: what knows the call. A reference of its own, which no
    # garbage collection takes away before `__dealloc__`.
    cdef PyObject *streamed
    # What was current when the call began, its own span, and what is being awaited.
    cdef object current
    cdef ScopeHandle span
    cdef object awaiting

    def __await__(self):
        if self.state == RUNNING or self.state == SUSPENDED:
            raise RuntimeError(
                "coroutine is being awaited already" if self.stream is None
                else "anext(): asynchronous generator is already running"
            )
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
        if self.state == BETWEEN:
            return
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
        retire_continuation(self)
        leave_streamed(self)
        scopeflow_task_abandon(&self.task)
        if self.state == NEW:
            warn_of(self.operation)

    @property
    def __name__(self):
        return OPERATION_NAMES[self.operation].rpartition(".")[2]

    @property
    def __qualname__(self):
        return OPERATION_NAMES[self.operation]

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
        return f"<coroutine object {OPERATION_NAMES[self.operation]} of {self.name!r}>"


cdef int warn_of(int operation) except -1:
    message = f"coroutine '{OPERATION_NAMES[operation]}' was never awaited".encode()
    PyErr_WarnEx(<PyObject *>RuntimeWarning, message, 1)
    return 0


cdef ManagedCall new_call(
    Runtime runtime, int operation, name, request, target, parent, attributes, data, metadata,
    detail, timestamp,
):
    if not callable(target):
        raise wrong_type("func", "callable", target)
    cdef ManagedCall call = ManagedCall.__new__(ManagedCall)
    call.operation = operation
    call.runtime = runtime
    call.name = name
    call.request = request
    call.target = target
    call.parent = parent
    call.attributes = attributes
    call.data = data
    call.metadata = metadata
    call.detail = detail
    call.timestamp = timestamp
    return call


cdef ManagedCall new_llm_call(
    Runtime runtime, int operation, name, request, target, parent, attributes, data, metadata,
    model_name, timestamp, codec, response_codec,
):
    request_argument(request)
    codec = codec_argument(codec, "codec", REQUEST_CODEC_METHODS)
    response_codec = codec_argument(response_codec, "response_codec", RESPONSE_CODEC_METHODS)
    cdef ManagedCall call = new_call(
        runtime, operation, name, request, target, parent, attributes, data, metadata, model_name,
        timestamp,
    )
    call.codec = codec
    call.response_codec = response_codec
    return call


cdef ManagedCall new_helper(Runtime runtime, int operation, name, request):
    """A standalone helper (S4.9): it has no target."""
    cdef ManagedCall call = ManagedCall.__new__(ManagedCall)
    call.operation = operation
    call.runtime = runtime
    call.name = name
    call.request = request
    return call


cdef int refuse_async(ManagedCall call, function, str what) except -1:
    """S3.8: a sync call refuses what is declared async before anything is emitted."""
    if function is not None and is_async_callable(function):
        call.state = CLOSED
        raise InvalidState(f"{what} '{call.name}' is async and cannot be run by a sync call")
    return 0


cdef int begin_call(ManagedCall self) except -1:
    """Nothing of a call happens before it is first awaited, also not this."""
    cdef scopeflow_call_flag flags = SCOPEFLOW_CALL_FLAG_SYNC if self.is_sync else 0
    self.state = RUNNING
    self.current = current_of(self.runtime)
    if self.operation == TOOL_EXECUTE:
        begin_tool_execute(
            self.runtime.pointer, pointer_of(self.current), glue_emitter(), flags, self.name,
            self.request, self.parent, self.attributes, self.detail, self.data, self.metadata,
            self.timestamp, &self.task, &self.step,
        )
    elif self.operation == NEXT:
        begin_link(self)
    elif self.operation == LLM_EXECUTE:
        begin_llm_execute(
            self.runtime.pointer, pointer_of(self.current), glue_emitter(), flags, self.name,
            self.request, self.parent, self.attributes, self.detail, self.data, self.metadata,
            self.timestamp, self.codec, self.response_codec, &self.task, &self.step,
        )
    elif self.operation == LLM_STREAM_EXECUTE:
        if self.stream.has_chunk_marks:
            flags |= SCOPEFLOW_CALL_FLAG_CHUNK_MARKS
        if self.stream.finalizer is not None:
            flags |= SCOPEFLOW_CALL_FLAG_FINALIZER
        begin_llm_stream_execute(
            self.runtime.pointer, pointer_of(self.current), glue_emitter(), flags, self.name,
            self.request, self.parent, self.attributes, self.detail, self.data, self.metadata,
            self.timestamp, self.codec, self.response_codec, &self.task, &self.step,
        )
    else:
        begin_helper(self, flags)
    return 0


cdef int begin_helper(ManagedCall self, scopeflow_call_flag flags) except -1:
    cdef scopeflow_runtime *runtime = self.runtime.pointer
    cdef scopeflow_scope *current = pointer_of(self.current)
    cdef scopeflow_emitter *emitter = glue_emitter()
    if self.operation == TOOL_REQUEST_INTERCEPTS:
        begin_tool_request_intercepts(
            runtime, current, emitter, flags, self.name, self.request, &self.task, &self.step
        )
    elif self.operation == TOOL_CONDITIONAL_EXECUTION:
        begin_tool_conditional_execution(
            runtime, current, emitter, flags, self.name, self.request, &self.task, &self.step
        )
    elif self.operation == LLM_REQUEST_INTERCEPTS:
        begin_llm_request_intercepts(
            runtime, current, emitter, flags, self.name, self.request, &self.task, &self.step
        )
    else:
        begin_llm_conditional_execution(
            runtime, current, emitter, flags, self.name, self.request, &self.task, &self.step
        )
    return 0


cdef void close_call(ManagedCall self) noexcept:
    """Lets go of everything. A task that has not ended is abandoned, without running host code."""
    self.state = CLOSED
    retire_continuation(self)
    leave_streamed(self)
    scopeflow_task_abandon(&self.task)
    self.request = None
    self.target = None
    self.parent = None
    self.data = None
    self.metadata = None
    self.current = None
    self.span = None
    self.awaiting = None
    if self.link_of is not None:
        self.link_of = None
    if self.operation != TOOL_EXECUTE:
        close_llm_call(self)


cdef void close_llm_call(ManagedCall self) noexcept:
    self.codec = None
    self.response_codec = None
    self.own_context = None
    self.context = None
    if self.stream is not None:
        self.stream.producer = None
        self.stream.collector = None
        self.stream.finalizer = None
        self.stream.failure = None
        drop_chunk(self.stream)


# --- Driving ---


cdef PySendResult send_to_call(PyObject *call, PyObject *value, PyObject **result) noexcept:
    """`am_send`."""
    cdef ManagedCall self = <ManagedCall>call
    cdef PySendResult how = PYGEN_RETURN
    if self.state == SUSPENDED:
        self.state = RUNNING
        how = send_further(self, <PyObject *>self.awaiting, value, result)
        if how == PYGEN_NEXT:
            self.state = SUSPENDED
            return how
        return advance(self, how, result[0], result)
    if self.state == BETWEEN or (self.state == NEW and value == <PyObject *>None):
        return advance(self, how, NULL, result)
    if self.state == CLOSED and self.stream is not None:
        raise_end(self)
        return PYGEN_ERROR
    return refuse_send(self, b"anext(): asynchronous generator is already running")


cdef PySendResult refuse_send(ManagedCall self, const char *of_stream) noexcept:
    if self.stream is not None and self.state != NEW:
        error = RuntimeError(of_stream.decode())
        if self.is_sync:
            error = ValueError("generator already executing")
    elif self.state == NEW:
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
    return next_given(send_to_call(call, <PyObject *>None, &result), &result)


cdef inline PyObject *next_given(PySendResult how, PyObject **result) noexcept:
    if how == PYGEN_NEXT:
        return result[0]
    if how == PYGEN_RETURN:
        glue_raise_stop_iteration(result[0])
    else:
        glue_wrap_stop_iteration()
    return NULL


cdef PySendResult throw_into(ManagedCall self, error, PyObject **result) noexcept:
    """Lets what is awaited have the exception first, as the interpreter does for `await`."""
    cdef PySendResult how
    cdef PyObject *given = NULL
    if self.state == SUSPENDED:
        self.state = RUNNING
        if isinstance(error, GeneratorExit):
            self.is_closing = True
        if self.context is not None and not enter_context(self.context):
            self.state = SUSPENDED
            return PYGEN_ERROR
        how = throw_further(self.awaiting, error, &given)
        if self.context is not None:
            leave_context(self.context, how == PYGEN_ERROR)
        if how == PYGEN_NEXT:
            self.state = SUSPENDED
            result[0] = given
            return how
        return advance(self, how, given, result)
    if self.state == RUNNING or (self.state == CLOSED and self.stream is None):
        return refuse_send(self, b"athrow(): asynchronous generator is already running")
    if self.state == NEW:
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
    elif how == PYGEN_ERROR:
        glue_wrap_stop_iteration()
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
    """Shows the collector what the core holds for the call: a request that an intercept made, while
    guards run the metadata, for which the span has no handle yet that could show it, and what is to
    come out of the call in the end, of which an error refers to its frames."""
    cdef int stop = traverse_call_attributes(call, visit, argument)
    cdef ManagedCall self = <ManagedCall>call
    cdef scopeflow_ref held = 0
    cdef uint32_t index = 0
    if stop != 0 or (self.state != SUSPENDED and self.state != BETWEEN):
        return stop
    if self.span is None and self.metadata is not None:
        stop = visit(<PyObject *>self.metadata, argument)
    while stop == 0:
        if scopeflow_task_held_at(&self.task, index, &held, NULL) != SCOPEFLOW_STATUS_OK:
            break
        if held == 0:
            break
        stop = visit(<PyObject *>held, argument)
        index += 1
    return stop


traverse_call_attributes = (<PyTypeObject *>ManagedCall).tp_traverse
(<PyTypeObject *>ManagedCall).tp_traverse = traverse_call
glue_make_coroutine(<PyTypeObject *>ManagedCall, send_to_call, next_of_call)

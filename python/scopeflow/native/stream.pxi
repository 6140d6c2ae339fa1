# Streams (S4.7). The producer runs in a context of its own, which is entered for each step and left
# before a chunk is handed over (S1.11). No chunk is taken ahead of the consumer, and none is kept.
#
# A stream is a managed call that comes to rest after each chunk. The call is also what
# `__anext__` gives to be awaited, the same object each time: an awaitable for each chunk would
# cost as much again.

cdef enum:
    # What the present `stream` step is about.
    PRODUCING = 0
    COLLECTING = 1
    STOPPING = 2


@cython.final
@cython.freelist(8)
cdef class StreamWork:
    """What a streamed call has beyond others."""

    cdef object collector
    cdef object finalizer
    cdef bint has_chunk_marks
    cdef int phase
    # The iterator that gives the chunks.
    cdef object producer
    # Who gave it, where that is an intercept and it is no iterator.
    cdef str giver
    # One chunk: with the collector, or on its way to the consumer.
    cdef object chunk
    cdef bint has_chunk
    # What the collector raised, until the producer has been stopped.
    cdef object failure
    # The consumer has closed the stream.
    cdef bint is_closed


cdef StreamWork new_stream_work(collector, finalizer, chunk_marks):
    cdef StreamWork work = StreamWork.__new__(StreamWork)
    if collector is not None and not callable(collector):
        raise wrong_type("collector", "callable", collector)
    if finalizer is not None and not callable(finalizer):
        raise wrong_type("finalizer", "callable", finalizer)
    work.has_chunk_marks = bool_argument(chunk_marks, "chunk_marks") != 0
    work.collector = collector
    work.finalizer = finalizer
    return work


cdef int make_streamed(ManagedCall call, collector, finalizer, chunk_marks) except -1:
    cdef StreamedCall streamed = StreamedCall.__new__(StreamedCall)
    call.stream = new_stream_work(collector, finalizer, chunk_marks)
    streamed.call = <PyObject *>call
    join_streamed(call, streamed)
    return 0


# --- The producer's context ---


cdef int enter_own_context(ManagedCall self) except -1:
    """Made after the start event; the span is current in it and in no other."""
    cdef ScopeHandle span = self.span
    span.opener = <ScopeHandle>self.current
    self.own_context = PyContext_CopyCurrent()
    self.context = self.own_context
    if not enter_context(self.context):
        propagate()
    try:
        PyContextVar_Set(<PyObject *>self.runtime.variable, <PyObject *>span)
    finally:
        leave_context(self.context, True)
    return 0


cdef inline bint enter_context(context) noexcept:
    """False and a raised exception where that is not possible."""
    return PyContext_Enter(<PyObject *>context) == 0


cdef inline void leave_context(context, bint may_have_raised) noexcept:
    """Whatever is raised stays raised."""
    cdef PyObject *raised = glue_take_raised() if may_have_raised else NULL
    PyContext_Exit(<PyObject *>context)
    if raised != NULL:
        glue_raise(raised)


# --- The steps ---


cdef inline bint hand_on(ManagedCall self, PyObject **result) except -1:
    """Gives what the caller waits for, if it is there: the stream itself, or a chunk."""
    if self.step.value != 0:
        return hand_stream_on(self, result)
    if self.stream.phase != PRODUCING or not self.stream.has_chunk:
        return False
    result[0] = <PyObject *>self.stream.chunk
    INCREF(result[0])
    drop_chunk(self.stream)
    return True


cdef bint hand_stream_on(ManagedCall self, PyObject **result) except -1:
    self.stream.producer = <object><PyObject *>self.step.value
    drop_reference(self.step.value)
    self.step.value = 0
    stream = new_stream(self)
    INCREF(<PyObject *>stream)
    result[0] = <PyObject *>stream
    return True


cdef PySendResult run_stream(ManagedCall self, PyObject **value) noexcept:
    cdef PySendResult how
    if self.stream.phase == COLLECTING:
        return show_chunk(self, value)
    if self.stream.phase == STOPPING:
        self.context = self.own_context
        return stop_producer(self, value)
    if not enter_context(self.own_context):
        return PYGEN_ERROR
    how = ask_producer_unchecked(self, value)
    leave_context(self.own_context, how == PYGEN_ERROR)
    if how == PYGEN_NEXT:
        self.context = self.own_context  # In which it is awaited further.
    if how != PYGEN_RETURN or self.stream.collector is None:
        return how
    take_chunk(self, value[0])  # At once: nothing had to be awaited for it.
    return show_chunk(self, value)


cdef inline void take_chunk(ManagedCall self, PyObject *chunk) noexcept:
    self.stream.chunk = <object>chunk
    self.stream.has_chunk = True
    DECREF(chunk)
    if self.stream.collector is not None:
        self.stream.phase = COLLECTING


cdef PySendResult show_chunk(ManagedCall self, PyObject **value) noexcept:
    """To the collector, in the consumer's context."""
    cdef PyObject *arguments[2]
    arguments[1] = <PyObject *>self.stream.chunk
    value[0] = PyObject_Vectorcall(
        <PyObject *>self.stream.collector, &arguments[1], 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )
    return await_result(self, value)


cdef PySendResult ask_producer(ManagedCall self, PyObject **value) except? PYGEN_ERROR:
    """The next chunk. An error with nothing raised is the end."""
    cdef PyObject *producer = <PyObject *>self.stream.producer
    if not self.is_sync and glue_is_async_iterator(producer):
        value[0] = glue_async_next(producer)
        if glue_is_async_generator(producer) and value[0] != NULL and not self.is_closing:
            return ask_generator(self, value)
        return await_result(self, value)
    if not glue_is_iterator(producer):
        giver = "the producer" if self.stream.giver is None else self.stream.giver
        what = f"{giver} of '{self.name}' gave {type(self.stream.producer).__name__}"
        step = "__next__" if self.is_sync else "__anext__"
        raise InvalidArgument(f"invalid argument: {what}, which has no {step}")
    value[0] = glue_next(producer)
    return PYGEN_ERROR if value[0] == NULL else PYGEN_RETURN


cdef inline PySendResult ask_generator(ManagedCall self, PyObject **value) noexcept:
    """As `await_result`, of what an async generator gives to be awaited: it is its own iterator."""
    cdef PyObject *iterator = value[0]
    cdef PySendResult how = glue_next_of_generator(iterator, value)
    if how == PYGEN_NEXT:
        self.awaiting = <object>iterator
    DECREF(iterator)
    return how


cdef int note_giver(ManagedCall self, PyObject *given) except -1:
    """Names the outermost intercept that gives no iterator; that shows at the first chunk."""
    cdef bint is_fit = (
        glue_is_iterator(given) or (not self.is_sync and glue_is_async_iterator(given))
    )
    if not is_fit and self.link_of is None:
        self.stream.giver = registration_text(&self.step)
    return 0


cdef PySendResult stop_producer(ManagedCall self, PyObject **value) noexcept:
    """S4.7: stops it at once; an iterator that cannot be closed has nothing to stop."""
    cdef StreamWork work = self.stream
    value[0] = NULL
    if not self.is_closing:
        method = getattr(work.producer, "close" if self.is_sync else "aclose", None)
        if method is None and not self.is_sync:
            method = getattr(work.producer, "close", None)
        if method is not None:
            if not enter_context(self.context):
                return PYGEN_ERROR
            value[0] = PyObject_Vectorcall(<PyObject *>method, NULL, 0, NULL)
            leave_context(self.context, value[0] == NULL)
            return await_result(self, value)
    INCREF(<PyObject *>None)
    value[0] = <PyObject *>None
    return PYGEN_RETURN


cdef int settle_stream(ManagedCall self, PySendResult how, PyObject *value) except -1:
    """What came of a chunk, of the collector, or of stopping the producer."""
    if self.context is not None:
        self.context = None
    if how != PYGEN_RETURN:
        return settle_failure(self)
    if self.stream.phase == PRODUCING:
        take_chunk(self, value)
        return 0 if self.stream.phase == COLLECTING else pass_chunk(self)
    DECREF(value)
    return pass_chunk(self) if self.stream.phase == COLLECTING else end_early(self)


cdef int settle_failure(ManagedCall self) except -1:
    """What is raised, or the end of the producer."""
    cdef StreamWork work = self.stream
    cdef scopeflow_answer answer
    begin_answer(&answer)
    if work.phase == PRODUCING and is_end_of_producer():
        return answer_step(self, &answer)
    answer_error(&answer, glue_take_raised())
    if work.phase == COLLECTING:
        work.failure = <object><PyObject *>answer.value
        drop_reference(answer.value)
        work.phase = STOPPING
        return 0
    if work.failure is not None:  # That came first.
        drop_reference(answer.value)
        return end_early(self)
    work.phase = PRODUCING
    return answer_step(self, &answer)


cdef int pass_chunk(ManagedCall self) except -1:
    """The collector has had it: it counts, and the consumer gets it when that is told."""
    cdef scopeflow_answer answer
    self.stream.phase = PRODUCING
    begin_answer(&answer)
    answer.kind = SCOPEFLOW_ANSWER_KIND_CHUNK
    return answer_step(self, &answer)


cdef int end_early(ManagedCall self) except -1:
    """The producer has been stopped: for the collector's error, or because the consumer wants no
    more, which is an outcome and no error."""
    cdef StreamWork work = self.stream
    cdef scopeflow_answer answer
    begin_answer(&answer)
    answer.kind = SCOPEFLOW_ANSWER_KIND_CANCEL
    if work.failure is not None:
        INCREF(<PyObject *>work.failure)
        answer_error(&answer, <PyObject *>work.failure)
        work.failure = None
    drop_chunk(work)
    work.phase = PRODUCING
    return answer_step(self, &answer)


cdef inline void drop_chunk(StreamWork work) noexcept:
    work.chunk = None
    work.has_chunk = False


cdef bint is_end_of_producer() noexcept:
    """Takes the exception that says so."""
    if PyErr_Occurred() == NULL:
        return True
    if not PyErr_ExceptionMatches(<PyObject *>StopAsyncIteration) and (
        not PyErr_ExceptionMatches(<PyObject *>StopIteration)
    ):
        return False
    PyErr_Clear()
    return True


cdef PySendResult run_finalizer(ManagedCall self, PyObject **value) noexcept:
    cdef StreamWork work = self.stream
    drop_chunk(work)  # One that a subscriber's exit kept from the consumer.
    value[0] = PyObject_Vectorcall(<PyObject *>work.finalizer, NULL, 0, NULL)
    return await_result(self, value)


cdef PySendResult end_stream(ManagedCall self, PyObject **result) noexcept:
    """The last step: `aclose` is over, or the consumer learns that there is no more."""
    if self.stream.is_closed:
        INCREF(<PyObject *>None)
        result[0] = <PyObject *>None
        return PYGEN_RETURN
    raise_end(self)
    return PYGEN_ERROR


cdef void raise_end(ManagedCall self) noexcept:
    PyErr_SetNone(<PyObject *>(StopIteration if self.is_sync else StopAsyncIteration))


# Called where a raised exception is to stay as it is (see driver.pxi).
ctypedef PySendResult (*ask_producer_function)(ManagedCall self, PyObject **value) noexcept

cdef ask_producer_function ask_producer_unchecked = <ask_producer_function>ask_producer


# --- What the caller gets ---


cdef new_stream(ManagedCall call):
    cdef LlmStream stream
    cdef SyncLlmStream plain
    if call.is_sync:
        plain = SyncLlmStream.__new__(SyncLlmStream)
        plain.call = call
        return plain
    stream = LlmStream.__new__(LlmStream)
    stream.call = call
    return stream


@cython.final
@cython.freelist(8)
cdef class LlmStream:
    """The chunks of a streamed LLM call, an async iterator; made by `llm.stream_execute`.

    Closing it, also by leaving an `async with`, stops the producer at once. Dropped before its end,
    it ends as abandoned (S1.12).

    >>> async def produce(request):
    ...     yield "Hel"
    ...     yield "lo"
    >>> async with await llm.stream_execute("openai", LLMRequest({}, {}), produce) as stream:
    ...     [chunk async for chunk in stream]
    ['Hel', 'lo']
    """

    cdef ManagedCall call

    def __aiter__(self):
        return self

    def __anext__(self):
        return self.call

    def aclose(self):
        """Stops the producer; to be awaited. On a stream that has ended it does nothing.

        >>> async def produce(request):
        ...     try:
        ...         yield "Hel"
        ...         yield "lo"
        ...     finally:
        ...         print("stopped")
        >>> stream = await llm.stream_execute("openai", LLMRequest({}, {}), produce)
        >>> await anext(stream)
        'Hel'
        >>> await stream.aclose()
        stopped
        """
        cdef StreamClosing closing = StreamClosing.__new__(StreamClosing)
        closing.call = self.call
        return closing

    def __aenter__(self):
        return ready_value(self)

    def __aexit__(self, kind, error, traceback):
        return self.aclose()

    def __repr__(self):
        return f"<stream of {self.call.name!r}>"


@cython.final
cdef class SyncLlmStream:
    """The chunks of a streamed LLM call, an iterator; made by `llm.stream_execute_sync`.

    Closing it, also by leaving a `with`, stops the producer at once. Dropped before its end, it
    ends as abandoned (S1.12).

    >>> def produce(request):
    ...     yield "Hel"
    ...     yield "lo"
    >>> with llm.stream_execute_sync("openai", LLMRequest({}, {}), produce) as stream:
    ...     list(stream)
    ['Hel', 'lo']
    """

    cdef ManagedCall call

    def __iter__(self):
        return self

    def __next__(self):
        cdef PyObject *value = NULL
        if send_to_call(<PyObject *>self.call, <PyObject *>None, &value) != PYGEN_RETURN:
            propagate()
        chunk = <object>value
        DECREF(value)
        return chunk

    def close(self):
        """Stops the producer. On a stream that has ended it does nothing.

        >>> stream = llm.stream_execute_sync("openai", LLMRequest({}, {}), lambda r: iter("ab"))
        >>> next(stream)
        'a'
        >>> stream.close()
        >>> list(stream)
        []
        """
        cdef PyObject *value = NULL
        if close_stream(self.call, &value) == PYGEN_ERROR:
            propagate()
        DECREF(value)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()
        return False

    def __repr__(self):
        return f"<stream of {self.call.name!r}>"


cdef PySendResult close_stream(ManagedCall call, PyObject **result) noexcept:
    """Begins to end a stream for its consumer."""
    if call.state == CLOSED:
        INCREF(<PyObject *>None)
        result[0] = <PyObject *>None
        return PYGEN_RETURN
    if call.state != BETWEEN:
        return refuse_send(call, b"aclose(): asynchronous generator is already running")
    call.stream.is_closed = True
    call.stream.phase = STOPPING
    return advance(call, PYGEN_RETURN, NULL, result)


# --- Awaitables ---


@cython.final
cdef class StreamClosing:
    """What `aclose` gives to be awaited, once."""

    cdef ManagedCall call
    cdef bint has_begun

    def __await__(self):
        return self

    def send(self, value):
        """Goes on with a value for what is being awaited."""
        cdef PyObject *result = NULL
        cdef PySendResult how = send_to_closing(<PyObject *>self, <PyObject *>value, &result)
        return give(how, result)

    def throw(self, kind, value=None, traceback=None):
        """Raises an exception where the stream waits."""
        cdef PyObject *result = NULL
        cdef PySendResult how = throw_into(
            self.call, exception_of(kind, value, traceback), &result
        )
        return give(how, result)

    def close(self):
        """Ends the wait."""
        if self.has_begun:
            self.call.close()


cdef PySendResult send_to_closing(
    PyObject *closing, PyObject *value, PyObject **result,
) noexcept:
    cdef StreamClosing self = <StreamClosing>closing
    if self.has_begun:
        return send_to_call(<PyObject *>self.call, value, result)
    self.has_begun = True
    return close_stream(self.call, result)


cdef PyObject *next_of_closing(PyObject *closing) noexcept:
    cdef PyObject *result = NULL
    return next_given(send_to_closing(closing, <PyObject *>None, &result), &result)


@cython.final
cdef class StreamOpening:
    """A streamed LLM call that is to be awaited, once, for its stream. Made by
    `llm.stream_execute`. It forgets the call when the stream is there."""

    cdef ManagedCall call

    def __await__(self):
        return self

    def send(self, value):
        """Goes on with a value for what is being awaited; the first one has to be None."""
        cdef PyObject *result = NULL
        cdef PySendResult how = send_to_opening(<PyObject *>self, <PyObject *>value, &result)
        return give(how, result)

    def throw(self, kind, value=None, traceback=None):
        """Raises an exception where the call waits."""
        cdef PyObject *result = NULL
        cdef PySendResult how
        error = exception_of(kind, value, traceback)
        if self.call is None:
            raise RuntimeError("cannot reuse already awaited coroutine")
        how = throw_into(self.call, error, &result)
        if how != PYGEN_NEXT:
            self.call = None
        return give(how, result)

    def close(self):
        """Ends the call as cancelled where it waits (GeneratorExit)."""
        call = self.call
        self.call = None
        if call is not None:
            call.close()

    @property
    def __name__(self):
        return "stream_execute"

    @property
    def __qualname__(self):
        return "llm.stream_execute"

    @property
    def cr_running(self):
        """Whether the call is being driven just now."""
        return self.call is not None and self.call.state == RUNNING

    @property
    def cr_suspended(self):
        """Whether the call waits for something."""
        return self.call is not None and self.call.state == SUSPENDED

    @property
    def cr_await(self):
        """What the call waits for, or None."""
        return None if self.call is None else self.call.awaiting

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


cdef PySendResult send_to_opening(
    PyObject *opening, PyObject *value, PyObject **result,
) noexcept:
    cdef StreamOpening self = <StreamOpening>opening
    cdef PySendResult how
    if self.call is None:
        error = RuntimeError("cannot reuse already awaited coroutine")
        INCREF(<PyObject *>error)
        glue_raise(<PyObject *>error)
        return PYGEN_ERROR
    call = self.call  # Held, whatever happens to this object meanwhile.
    how = send_to_call(<PyObject *>call, value, result)
    if how != PYGEN_NEXT and call.state != RUNNING:
        self.call = None
    return how


cdef PyObject *next_of_opening(PyObject *opening) noexcept:
    cdef PyObject *result = NULL
    return next_given(send_to_opening(opening, <PyObject *>None, &result), &result)


@cython.final
cdef class Ready:
    """An awaitable of what is there already."""

    cdef object value

    def __await__(self):
        return self


cdef ready_value(value):
    cdef Ready ready = Ready.__new__(Ready)
    ready.value = value
    return ready


cdef PySendResult send_to_ready(PyObject *ready, PyObject *value, PyObject **result) noexcept:
    result[0] = <PyObject *>(<Ready>ready).value
    INCREF(result[0])
    return PYGEN_RETURN


cdef PyObject *next_of_ready(PyObject *ready) noexcept:
    cdef PyObject *result = NULL
    return next_given(send_to_ready(ready, <PyObject *>None, &result), &result)


glue_make_coroutine(<PyTypeObject *>StreamClosing, send_to_closing, next_of_closing)
glue_make_coroutine(<PyTypeObject *>StreamOpening, send_to_opening, next_of_opening)
glue_make_coroutine(<PyTypeObject *>Ready, send_to_ready, next_of_ready)

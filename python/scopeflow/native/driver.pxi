# The step driver: the only place where Python meets the pipeline. The core says what to do next,
# the driver does it and answers; order, priorities and events are the core's affair.
#
# What can be awaited is driven by `go_on`, from `await`, from a task, from `throw` and `close`, and
# from the sync entry alike; `finish_task` serves what only emits. References are counted by hand
# here, because an answer's reference changes hands.

# --- Answers ---


cdef inline void begin_answer(scopeflow_answer *answer) noexcept:
    answer.kind = SCOPEFLOW_ANSWER_KIND_VALUE
    answer.status = SCOPEFLOW_STATUS_OK
    answer.flags = 0
    answer.value = 0
    answer.annotated = 0
    answer.emitter = glue_emitter()


cdef void answer_error(scopeflow_answer *answer, PyObject *error) noexcept:
    """What is no Exception is the host's cancellation or exit (S2.4, S5.2): CancelledError,
    KeyboardInterrupt, SystemExit, GeneratorExit. Takes the reference."""
    if isinstance(<object>error, Exception):
        answer.kind = SCOPEFLOW_ANSWER_KIND_ERROR
        answer.status = status_of(<object>error)
    else:
        answer.kind = SCOPEFLOW_ANSWER_KIND_CANCEL
    answer.value = <scopeflow_ref>error


cdef int resume(
    scopeflow_task *task, scopeflow_answer *answer, scopeflow_step *step,
) except -1:
    cdef scopeflow_error error
    cdef PyObject *outer = NULL
    cdef bint is_failure = answer.kind == SCOPEFLOW_ANSWER_KIND_ERROR and is_logged(step)
    cdef scopeflow_status status
    if is_failure:
        outer = glue_set_failure(<PyObject *>answer.value)
    status = scopeflow_task_resume(task, answer, step, &error)
    if is_failure:
        glue_set_failure(outer)
    if status != SCOPEFLOW_STATUS_OK:
        answer_refused(task, answer, step, &error)
    return 0


cdef int answer_refused(
    scopeflow_task *task, scopeflow_answer *answer, scopeflow_step *step, scopeflow_error *error,
) except -1:
    """S3.11: the core has refused what a request intercept or a codec gave; that is the call's
    error."""
    drop_reference(answer.value)
    drop_reference(answer.annotated)
    if (
        answer.kind != SCOPEFLOW_ANSWER_KIND_VALUE
        or step.kind != SCOPEFLOW_STEP_KIND_INVOKE and step.kind != SCOPEFLOW_STEP_KIND_CODEC
    ):
        scopeflow_task_abandon(task)
        raise_failure(error)
    refusal = error_of(error)
    explain_refusal(step, refusal)
    begin_answer(answer)
    INCREF(<PyObject *>refusal)
    answer_error(answer, <PyObject *>refusal)
    return resume(task, answer, step)


cdef str registration_text(const scopeflow_step *step):
    """`tool conditional-execution guardrail 'x'`."""
    return f"{REGISTRIES[step.registry][1]} '{text_of(step.registration)}'"


# --- Subscribers ---


cdef int serve_subscribers(scopeflow_task *task, scopeflow_step *step) except -1:
    """Delivers until the next step is another one."""
    cdef scopeflow_answer answer
    while step.kind == SCOPEFLOW_STEP_KIND_DELIVER:
        begin_answer(&answer)
        deliver(step, &answer)
        resume(task, &answer, step)
    return 0


cdef void deliver(scopeflow_step *step, scopeflow_answer *answer) noexcept:
    """S5.2: an ordinary error is logged and counted; anything else is held by the core and raised
    once the event has reached everybody."""
    cdef int outer = glue_set_serving(True)
    try:
        call_subscriber(step)
    except BaseException as error:
        INCREF(<PyObject *>error)
        answer_error(answer, <PyObject *>error)
    glue_set_serving(outer)


def is_serving():
    """Whether a subscriber runs in this thread."""
    return glue_is_serving()


cdef int call_subscriber(scopeflow_step *step) except -1:
    event = make_event(step.event)
    result = (<object><PyObject *>step.callable)(event)
    if result is not None and glue_is_awaitable(<PyObject *>result):
        glue_discard_awaitable(<PyObject *>result)
        raise InvalidState(f"{registration_text(step)} returned an awaitable; it must be sync")
    seal_if_kept(event)
    return 0


cdef int seal_if_kept(Event event) except -1:
    """An event that somebody still refers to outlives its delivery: it is encoded now, so that no
    later change is seen in it (S5.5). One reference is the caller's own."""
    cdef scopeflow_error error
    if glue_reference_count(<PyObject *>event) > 1:
        if scopeflow_event_seal(event.pointer, &error) != SCOPEFLOW_STATUS_OK:
            raise_failure(&error)
    return 0


# --- What only emits ---


cdef int finish_task(
    Runtime runtime, ScopeHandle near, scopeflow_task *task, scopeflow_step *step,
) except -1:
    """The rest of an operation in which nothing can be awaited: subscribers are served, sanitizers,
    injectors and codecs asked. `near` is a handle at or under which the work is."""
    while True:
        serve_subscribers(task, step)
        if step.kind != SCOPEFLOW_STEP_KIND_INVOKE and step.kind != SCOPEFLOW_STEP_KIND_CODEC:
            break
        ask_now(runtime, near, task, step)
    if step.kind == SCOPEFLOW_STEP_KIND_RAISE:
        raise_step(step)
    return 0


cdef int ask_now(
    Runtime runtime, ScopeHandle near, scopeflow_task *task, scopeflow_step *step,
) except -1:
    cdef scopeflow_answer answer
    cdef PyObject *value = invoke(step, runtime, near, NULL)
    cdef PySendResult how = PYGEN_ERROR if value == NULL else PYGEN_RETURN
    if value != NULL and glue_is_awaitable(value):
        how = refuse_awaitable(step, value, NULL)
    fill_answer(&answer, how, value)
    judge(task, step, &answer)
    return resume(task, &answer, step)


cdef void fill_answer(scopeflow_answer *answer, PySendResult how, PyObject *value) noexcept:
    """Takes the value, or the raised exception."""
    begin_answer(answer)
    if how == PYGEN_RETURN:
        answer.value = <scopeflow_ref>value
    else:
        answer_error(answer, glue_take_raised())


cdef int raise_step(scopeflow_step *step) except -1:
    """The host's own error just as it was (S4.4), or the runtime's. The step's reference is ours."""
    if step.status == SCOPEFLOW_STATUS_OK:
        glue_raise(<PyObject *>step.value)
        return -1
    if step.status == SCOPEFLOW_STATUS_INVALID_STATE:
        raise InvalidState("invalid state: the runtime is closed")
    reason = object_of(step.value)
    drop_reference(step.value)
    raise make_error(step.status, reason)


# --- Calls ---


cdef PySendResult go_on(
    ManagedCall self, PySendResult how, PyObject *value, PyObject **result,
) except PYGEN_ERROR:
    """Begins a new call, or takes what came of the present step: `how`, and for PYGEN_ERROR the
    raised exception. Runs on to the end of the call, to a chunk of its stream, or to something that
    has to be awaited."""
    if self.state == NEW:
        begin_call(self)
    elif self.state == BETWEEN:
        self.state = RUNNING
    else:
        settle(self, how, value)
    while True:
        if self.step.kind == SCOPEFLOW_STEP_KIND_DELIVER:
            serve_subscribers(&self.task, &self.step)
        if self.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE:
            enter_execution(self)
            how = run_execution(self, &value)
        elif self.step.kind == SCOPEFLOW_STEP_KIND_STREAM:
            if hand_on(self, result):
                return PYGEN_RETURN
            how = run_stream(self, &value)
        elif self.step.kind == SCOPEFLOW_STEP_KIND_FINALIZE:
            how = run_finalizer(self, &value)
        elif self.step.kind == SCOPEFLOW_STEP_KIND_RETURN:
            return give_result(self, result)
        elif self.step.kind == SCOPEFLOW_STEP_KIND_RAISE:
            return raise_unchecked(&self.step)
        else:
            near = self.current if self.span is None else self.span
            value = invoke(
                &self.step, self.runtime, <ScopeHandle>near, <PyObject *>self.name
            )
            how = await_result(self, &value)
        if how == PYGEN_NEXT:
            result[0] = value
            return PYGEN_NEXT
        settle(self, how, value)


cdef int settle(ManagedCall self, PySendResult how, PyObject *value) except -1:
    """Answers the present step with what came of it."""
    cdef scopeflow_answer answer
    if self.awaiting is not None:
        self.awaiting = None
    if self.step.kind == SCOPEFLOW_STEP_KIND_STREAM:
        return settle_stream(self, how, value)
    fill_answer(&answer, how, value)
    if self.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE:
        leave_execution(self, &answer)
    elif self.step.kind == SCOPEFLOW_STEP_KIND_FINALIZE:
        drop_nothing(&answer)
    else:
        judge(&self.task, &self.step, &answer)
    return answer_step(self, &answer)


cdef inline int answer_step(ManagedCall self, scopeflow_answer *answer) except -1:
    if self.is_closing:
        answer.flags = SCOPEFLOW_ANSWER_FLAG_SYNC
    return resume(&self.task, answer, &self.step)


cdef PySendResult give_result(ManagedCall self, PyObject **result) noexcept:
    """What was answered, this very object. Without an answer: the request as it was given, or
    nothing (S4.9)."""
    if self.stream is not None and self.operation == LLM_STREAM_EXECUTE:
        return end_stream(self, result)
    result[0] = <PyObject *>self.step.value
    if result[0] == NULL:
        result[0] = <PyObject *>(self.request if returns_request(self.operation) else None)
        INCREF(result[0])
    return PYGEN_RETURN


# --- Execution (S3.7, S4.6) ---


cdef int enter_execution(ManagedCall self) except -1:
    """From here to the end event the call's own span is current, for the rest of the chain again
    whatever the intercept around it, or the attempt before, has made current."""
    if self.span is not None:  # Of a link, or of an attempt that a native intercept has repeated.
        if current_of(self.runtime) is not self.span:
            PyContextVar_Set(<PyObject *>self.runtime.variable, <PyObject *>self.span)
        return 0
    cdef ScopeHandle span = ScopeHandle.__new__(ScopeHandle)
    span.pointer = scopeflow_scope_retain(self.step.scope)
    span.runtime = self.runtime
    span.parent = <ScopeHandle>self.parent
    span.data = self.data
    span.metadata = self.metadata
    span.is_call = True
    self.span = span
    if self.operation == LLM_STREAM_EXECUTE:
        return enter_own_context(self)
    return enter_scope(span, self.current, True)


cdef int leave_execution(ManagedCall self, scopeflow_answer *answer) except -1:
    retire_continuation(self)
    if self.own_context is not None:
        self.context = None
    elif self.link_of is None:
        leave_scope(self.span, current_of(self.runtime))
    elif (
        (self.current is not self.span or scopeflow_scope_is_open(self.span.pointer) == 0)
        and current_of(self.runtime) is self.span
    ):
        outer = nearest_in_force(<ScopeHandle>self.current)
        PyContextVar_Set(<PyObject *>self.runtime.variable, <PyObject *>outer)
    if answer.kind == SCOPEFLOW_ANSWER_KIND_VALUE:
        take_execution_outcome(self, answer)
        if self.operation == LLM_STREAM_EXECUTE and self.step.callable != 0 and answer.value != 0:
            note_giver(self, <PyObject *>answer.value)
    return 0


cdef void take_execution_outcome(ManagedCall self, scopeflow_answer *answer) noexcept:
    """An intercept may return anything, and marks with it (S3.11); a target's object is its own."""
    cdef PyTypeObject *kind = Py_TYPE(<PyObject *>answer.value)
    if kind == <PyTypeObject *>InterceptOutcome and self.step.callable != 0:
        take_result_outcome(self, answer)
    elif kind == <PyTypeObject *>ToolExecutionResult:
        take_annotation(answer)


cdef void take_result_outcome(ManagedCall self, scopeflow_answer *answer) noexcept:
    outcome = <InterceptOutcome><PyObject *>answer.value
    try:
        take_outcome(&self.task, answer, outcome)
        if outcome.annotation is not None:
            replace_value(answer, ToolExecutionResult(outcome.result, outcome.annotation))
    except BaseException as error:
        drop_reference(answer.value)
        INCREF(<PyObject *>error)
        answer_error(answer, <PyObject *>error)
        return
    if Py_TYPE(<PyObject *>answer.value) == <PyTypeObject *>ToolExecutionResult:
        take_annotation(answer)


cdef void take_annotation(scopeflow_answer *answer) noexcept:
    """The result itself, with its annotation, is what goes on."""
    annotation = (<ToolExecutionResult><PyObject *>answer.value).annotation
    answer.annotated = payload_argument(annotation)
    take_reference(answer.annotated)


cdef inline PySendResult run_execution(ManagedCall self, PyObject **value) noexcept:
    """Calls the target or the intercept around it, with the request as it is now."""
    if self.context is not None and not enter_context(self.context):
        return PYGEN_ERROR
    if self.step.callable == 0:
        value[0] = call_target(self)
    else:
        value[0] = call_intercept(self)
    if self.context is not None:
        leave_context(self.context, value[0] == NULL)
    return await_result(self, value)


cdef inline PyObject *call_target(ManagedCall self) noexcept:
    cdef PyObject *arguments[2]
    arguments[1] = <PyObject *>self.step.input
    return PyObject_Vectorcall(
        <PyObject *>self.target, &arguments[1], 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )


cdef PyObject *call_intercept(ManagedCall self) noexcept:
    cdef PyObject *arguments[5]
    self.continuation = new_continuation(self)
    if self.continuation == NULL:
        return NULL
    arguments[1] = <PyObject *>self.name
    arguments[2] = <PyObject *>self.step.input
    arguments[3] = self.continuation
    return call_back(&self.step, self.runtime, self.span, self, &arguments[1], 3)


# --- Awaiting ---


cdef inline PySendResult await_result(ManagedCall self, PyObject **value) noexcept:
    """Begins to await what a callable gave, if that is to be awaited."""
    if value[0] == NULL:
        return PYGEN_ERROR
    if not glue_is_awaitable(value[0]):
        return PYGEN_RETURN
    if self.is_sync or self.is_closing:
        return refuse_awaitable(&self.step, value[0], <PyObject *>self.name)
    cdef PySendResult how
    cdef PyObject *iterator = glue_await(value[0])
    DECREF(value[0])
    if iterator == NULL:
        return PYGEN_ERROR
    how = send_further(self, iterator, <PyObject *>None, value)
    if how == PYGEN_NEXT:
        self.awaiting = <object>iterator
    DECREF(iterator)
    return how


cdef inline PySendResult send_further(
    ManagedCall self, PyObject *iterator, PyObject *value, PyObject **result,
) noexcept:
    """To what is awaited, in the context in which it runs."""
    cdef PySendResult how
    if self.context is None:
        return PyIter_Send(iterator, value, result)
    if not enter_context(self.context):
        return PYGEN_ERROR
    how = PyIter_Send(iterator, value, result)
    leave_context(self.context, how == PYGEN_ERROR)
    return how


cdef PySendResult refuse_awaitable(
    scopeflow_step *step, PyObject *awaitable, PyObject *name,
) noexcept:
    """S3.8: what turns out to be awaitable where nothing can be awaited is closed, and has
    failed."""
    glue_discard_awaitable(awaitable)
    DECREF(awaitable)
    who = who_answers(step, name)
    error = InvalidState(f"{who} returned an awaitable, which a sync call cannot await")
    INCREF(<PyObject *>error)
    glue_raise(<PyObject *>error)
    return PYGEN_ERROR


cdef str who_answers(scopeflow_step *step, PyObject *name):
    if step.callable != 0 and step.kind != SCOPEFLOW_STEP_KIND_CODEC:
        return registration_text(step)
    target = f"'{text_of(step.target) if name == NULL else <object>name}'"
    if step.kind == SCOPEFLOW_STEP_KIND_CODEC:
        return f"the codec for {target}"
    if step.kind == SCOPEFLOW_STEP_KIND_STREAM:
        return f"the collector of {target}"
    if step.kind == SCOPEFLOW_STEP_KIND_FINALIZE:
        return f"the finalizer of {target}"
    return f"the target of {target}"


# The same functions, called where a raised exception is to stay exactly as it is: Cython would add
# its own line to the traceback of an exception that passes through a checked call.
ctypedef PySendResult (*raise_step_function)(scopeflow_step *step) noexcept
ctypedef PySendResult (*go_on_function)(
    ManagedCall self, PySendResult how, PyObject *value, PyObject **result,
) noexcept

cdef raise_step_function raise_unchecked = <raise_step_function>raise_step
cdef go_on_function go_on_unchecked = <go_on_function>go_on


cdef PySendResult advance(
    ManagedCall self, PySendResult how, PyObject *value, PyObject **result,
) noexcept:
    """Drives a call as far as it goes and keeps its state."""
    how = go_on_unchecked(self, how, value, result)
    if how == PYGEN_NEXT:
        self.state = SUSPENDED
        return how
    if how == PYGEN_RETURN and self.step.kind == SCOPEFLOW_STEP_KIND_STREAM:
        self.state = BETWEEN
        return how
    if how == PYGEN_ERROR:
        result[0] = NULL  # `value` may have come through it; the interpreter wants none.
    close_call(self)
    return how


cdef run_now(ManagedCall self):
    """The sync entry: the call from its beginning to its end."""
    cdef PyObject *value = NULL
    self.is_sync = True
    if advance(self, PYGEN_RETURN, NULL, &value) != PYGEN_RETURN:
        propagate()
    result = <object>value
    DECREF(value)
    return result


cdef int propagate() except -1:
    """For Python functions: the raised exception goes on."""
    return -1

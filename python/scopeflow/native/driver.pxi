# The step driver: the only place where Python meets the pipeline. The core says what to do next, the
# driver does it and answers; order, priorities and events are the core's affair.
#
# A call is driven by `go_on`, from `await`, from a task, from `throw` and `close`, and from the sync
# entry alike. References are counted by hand here, because an answer's reference changes hands.

# --- Answers ---


cdef inline void begin_answer(scopeflow_answer *answer) noexcept:
    answer.kind = SCOPEFLOW_ANSWER_KIND_VALUE
    answer.status = SCOPEFLOW_STATUS_OK
    answer.value = 0
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
    if scopeflow_task_resume(task, answer, step, &error) != SCOPEFLOW_STATUS_OK:
        drop_reference(answer.value)
        scopeflow_task_abandon(task)
        raise_failure(&error)
    return 0


cdef str registration_text(const scopeflow_step *step):
    """`tool conditional-execution guardrail 'x'`."""
    return f"{REGISTRY_TITLES[step.registry]} '{text_of(step.registration)}'"


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
    try:
        call_subscriber(step)
    except Exception as error:
        answer.kind = SCOPEFLOW_ANSWER_KIND_ERROR
        log_failure(registration_text(step), error)
    except BaseException as error:
        INCREF(<PyObject *>error)
        answer_error(answer, <PyObject *>error)


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


cdef void log_failure(what, error) noexcept:
    """To the logger `scopeflow`. Logging may fail itself, above all at exit; then the interpreter's
    own hook is told."""
    try:
        import logging
        logging.getLogger("scopeflow").error("%s failed: %r", what, error, exc_info=error)
    except Exception:
        INCREF(<PyObject *>error)
        glue_raise(<PyObject *>error)
        PyErr_WriteUnraisable(<PyObject *>what)


cdef int finish_task(scopeflow_task *task, scopeflow_step *step) except -1:
    """The rest of an operation in which only subscribers are to be served."""
    serve_subscribers(task, step)
    if step.kind == SCOPEFLOW_STEP_KIND_RAISE:
        raise_step(step)
    return 0


cdef int raise_step(scopeflow_step *step) except -1:
    """The host's own error just as it was (S4.4), or the runtime's. The step's reference is ours."""
    if step.status == SCOPEFLOW_STATUS_OK:
        glue_raise(<PyObject *>step.value)
        return -1
    reason = object_of(step.value)
    drop_reference(step.value)
    raise make_error(step.status, reason)


# --- Calls ---


cdef PySendResult go_on(
    ManagedCall self, PySendResult how, PyObject *value, PyObject **result,
) except PYGEN_ERROR:
    """Begins a new call, or takes what came of the present step: `how`, and for PYGEN_ERROR the
    raised exception. Runs on to the end of the call, or to something that has to be awaited."""
    if self.state == NEW:
        begin_call(self)
    else:
        settle(self, how, value)
    while True:
        serve_subscribers(&self.task, &self.step)
        if self.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE:
            enter_span(self)
            how = run_target(self, &value)
        elif self.step.kind == SCOPEFLOW_STEP_KIND_INVOKE:
            how = run_guard(self, &value)
        elif self.step.kind == SCOPEFLOW_STEP_KIND_RETURN:
            result[0] = <PyObject *>self.step.value
            return PYGEN_RETURN
        else:
            return raise_unchecked(&self.step)
        if how == PYGEN_NEXT:
            result[0] = value
            return PYGEN_NEXT
        settle(self, how, value)


cdef int begin_call(ManagedCall self) except -1:
    """Nothing of a call happens before it is first awaited, also not this."""
    self.state = RUNNING
    self.current = current_of(self.runtime)
    begin_tool_execute(
        self.runtime.pointer, pointer_of(self.current), glue_emitter(),
        SCOPEFLOW_CALL_FLAG_SYNC if self.is_sync else 0, self.name, self.request, self.parent,
        self.attributes, self.tool_call_id, self.data, self.metadata, self.timestamp,
        &self.task, &self.step,
    )
    return 0


cdef int settle(ManagedCall self, PySendResult how, PyObject *value) except -1:
    """Answers the present step with what came of it."""
    cdef scopeflow_answer answer
    begin_answer(&answer)
    if how == PYGEN_RETURN:
        answer.value = <scopeflow_ref>value
    else:
        answer_error(&answer, glue_take_raised())
    self.awaiting = None
    if self.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE:
        leave_scope(self.span, current_of(self.runtime))
    else:
        judge(self, &answer)
    return resume(&self.task, &answer, &self.step)


cdef int enter_span(ManagedCall self) except -1:
    """S4.6: from here to the end event the call's own span is current."""
    cdef ScopeHandle span = ScopeHandle.__new__(ScopeHandle)
    span.pointer = scopeflow_scope_retain(self.step.scope)
    span.runtime = self.runtime
    span.parent = <ScopeHandle>self.parent
    span.data = self.data
    span.metadata = self.metadata
    span.is_call = True
    self.span = span
    return enter_scope(span, self.current)


cdef inline PySendResult run_target(ManagedCall self, PyObject **value) noexcept:
    cdef PyObject *arguments[2]
    arguments[1] = <PyObject *>self.request
    value[0] = PyObject_Vectorcall(
        <PyObject *>self.target, &arguments[1], 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )
    return await_result(self, value)


cdef PySendResult run_guard(ManagedCall self, PyObject **value) noexcept:
    """S3.5: a guard sees the target's name and the caller's own request."""
    cdef PyObject *arguments[3]
    arguments[1] = <PyObject *>self.name
    arguments[2] = <PyObject *>self.request
    value[0] = PyObject_Vectorcall(
        <PyObject *>self.step.callable, &arguments[1], 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )
    return await_result(self, value)


cdef inline PySendResult await_result(ManagedCall self, PyObject **value) noexcept:
    """Begins to await what a callable gave, if that is to be awaited."""
    if value[0] == NULL:
        return PYGEN_ERROR
    if not glue_is_awaitable(value[0]):
        return PYGEN_RETURN
    if self.is_sync:
        return refuse_awaitable(self, value[0])
    cdef PyObject *iterator = glue_await(value[0])
    DECREF(value[0])
    if iterator == NULL:
        return PYGEN_ERROR
    self.awaiting = <object>iterator
    DECREF(iterator)
    return PyIter_Send(iterator, <PyObject *>None, value)


cdef PySendResult refuse_awaitable(ManagedCall self, PyObject *awaitable) noexcept:
    """S3.8: what turns out to be awaitable in a sync call is closed and fails the call."""
    glue_discard_awaitable(awaitable)
    DECREF(awaitable)
    if self.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE:
        who = f"tool '{self.name}'"
    else:
        who = registration_text(&self.step)
    error = InvalidState(f"{who} returned an awaitable, which a sync call cannot await")
    INCREF(<PyObject *>error)
    glue_raise(<PyObject *>error)
    return PYGEN_ERROR


cdef int judge(ManagedCall self, scopeflow_answer *answer) except -1:
    """What a guard gave: None passes, a text refuses, anything else is a mistake of the guard."""
    if answer.kind == SCOPEFLOW_ANSWER_KIND_ERROR:
        add_note(<object><PyObject *>answer.value, self)
    if answer.kind != SCOPEFLOW_ANSWER_KIND_VALUE:
        return 0
    verdict = <object><PyObject *>answer.value
    if verdict is None:
        drop_reference(answer.value)
        answer.value = 0
    elif isinstance(verdict, str):
        answer.kind = SCOPEFLOW_ANSWER_KIND_REFUSE
    else:
        drop_reference(answer.value)
        error = TypeError(
            f"{registration_text(&self.step)} returned {type(verdict).__name__} for "
            f"'{self.name}'; expected str or None"
        )
        INCREF(<PyObject *>error)
        answer_error(answer, <PyObject *>error)
    return 0


cdef int add_note(error, ManagedCall self) except -1:
    """S4.4: a note (PEP 678) says whose error it is; the error itself stays what it was."""
    note = f"{registration_text(&self.step)} callable failed for '{self.name}'"
    try:
        if hasattr(error, "add_note"):
            error.add_note(note)
        else:
            error.__notes__ = [*getattr(error, "__notes__", ()), note]
    except Exception:
        pass  # An error that takes no note is raised without one.
    return 0


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
    if how == PYGEN_ERROR:
        result[0] = NULL  # `value` may have come through it; the interpreter wants none.
    close_call(self)
    return how


cdef int propagate() except -1:
    """For Python functions: the raised exception goes on."""
    return -1

# How each kind of middleware is called and what may come of it (S3): the steps `invoke` and
# `codec`. Execution intercepts, which run around the target, are in driver.pxi.
#
# The functions here give a new reference, or NULL and a raised exception that is left as it is.


cdef PyObject *invoke(
    scopeflow_step *step, Runtime runtime, ScopeHandle near, PyObject *name,
) noexcept:
    """Calls the middleware of an `invoke` step, or the codec. `name` is the target's, NULL where
    it is not at hand; `near` is where to look for the scope of the work."""
    cdef PyObject *arguments[5]
    cdef PyObject *result = NULL
    cdef Py_ssize_t count
    if step.kind == SCOPEFLOW_STEP_KIND_CODEC:
        return ask_codec_unchecked(step, runtime)
    # Most often what is there already is what it gets.
    if step.input_flags == 0 and name != NULL and takes_name_and_input(step.registry):
        arguments[1] = name
        arguments[2] = <PyObject *>step.input
        return call_back(step, runtime, near, None, &arguments[1], 2)
    count = fill_unchecked(step, runtime, name, &arguments[1])
    if count > 0:
        result = call_back(step, runtime, near, None, &arguments[1], count)
    for i in range(1, count + 1):
        DECREF(arguments[i])
    return result


cdef inline bint takes_name_and_input(scopeflow_registry registry) noexcept:
    return (
        registry == SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL
        or registry == SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT
    )


cdef Py_ssize_t fill_arguments(
    scopeflow_step *step, Runtime runtime, PyObject *name, PyObject **arguments,
) except -1:
    """Gives the arguments that the registry says, each a new reference."""
    cdef scopeflow_registry registry = step.registry
    if registry == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL:
        return put_arguments(arguments, (kinds_of(step.kinds), text_of(step.target)))
    if registry >= SCOPEFLOW_REGISTRY_MARK_SANITIZE_GUARDRAIL:
        event = make_event(step.event)
        if registry == SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR:
            return put_arguments(arguments, (event,))
        return put_arguments(arguments, (event, fields_of(event)))
    given = present(step, runtime)
    if (
        registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL
        or registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL
        or registry == SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL
    ):
        return put_arguments(arguments, (given,))
    target = text_of(step.target) if name == NULL else <object>name
    if registry == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT:
        return put_arguments(arguments, (target, given, object_of(step.annotated)))
    return put_arguments(arguments, (target, given))


cdef Py_ssize_t put_arguments(PyObject **arguments, tuple given):
    for i in range(len(given)):
        arguments[i] = <PyObject *>given[i]
        INCREF(arguments[i])
    return len(given)


cdef present(scopeflow_step *step, Runtime runtime):
    """The step's input in the form that its flags ask for (S3.6, S3.10)."""
    value = object_of(step.input)
    if value is JSON_NULL:
        return None
    if type(value) is ToolExecutionResult:
        value = (<ToolExecutionResult>value).result
    cdef scopeflow_step_flag flags = step.input_flags
    if flags & SCOPEFLOW_STEP_FLAG_PRIVATE_COPY:
        return private_copy(value, runtime if flags & SCOPEFLOW_STEP_FLAG_OBSERVED else None)
    if flags & SCOPEFLOW_STEP_FLAG_ERROR:
        return {"error": error_description(value)}
    if flags & SCOPEFLOW_STEP_FLAG_REASON:
        return {"error": {"type": GuardrailRejected.__name__, "message": value}}
    return value


cdef dict fields_of(Event event):
    """What an event sanitizer may change, its own copy (S3.12)."""
    return {
        "data": event.data,
        "metadata": event.metadata,
        "category_profile": event.category_profile,
    }


# --- Codecs (S4.11, S2.8) ---


cdef PyObject *ask_codec(scopeflow_step *step, Runtime runtime) except NULL:
    codec = object_of(step.callable)
    given = present(step, runtime)
    if step.codec_action == SCOPEFLOW_CODEC_ACTION_DECODE_REQUEST:
        result = codec.decode(given)
    elif step.codec_action == SCOPEFLOW_CODEC_ACTION_ENCODE_REQUEST:
        result = encode_request(codec, step, given)
    else:
        result = codec.decode_response(given)
    INCREF(<PyObject *>result)
    return <PyObject *>result


cdef object encode_request(codec, scopeflow_step *step, given):
    """A codec of the core also takes the edits of a request that was edited itself (S4.11)."""
    annotated = object_of(step.annotated)
    if step.value != 0 and core_codec_of(codec) != 0:
        return codec._encode_changed(annotated, given, object_of(step.value))
    return codec.encode(annotated, given)


cdef object codec_argument(codec, str what, tuple methods):
    """A codec is told by its methods, or named by a text; None is none."""
    if type(codec) is str:
        from scopeflow import codecs
        return codecs.by_name(codec)
    for method in methods:
        if codec is not None and not callable(getattr(codec, method, None)):
            raise TypeError(f"{what} must have a method {method}; {type(codec).__name__} has none")
    return codec


cdef tuple REQUEST_CODEC_METHODS = ("decode", "encode")
cdef tuple RESPONSE_CODEC_METHODS = ("decode_response",)


# --- What came of it ---


cdef void judge(scopeflow_task *task, scopeflow_step *step, scopeflow_answer *answer) noexcept:
    """Turns what middleware gave into the answer that the core expects."""
    if answer.kind == SCOPEFLOW_ANSWER_KIND_ERROR:
        explain(step, <object><PyObject *>answer.value)
        return
    if answer.kind != SCOPEFLOW_ANSWER_KIND_VALUE:
        return
    if answer.value == <scopeflow_ref><PyObject *>None:
        drop_nothing(answer)
    elif (
        step.registry != SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT
        or Py_TYPE(<PyObject *>answer.value) == <PyTypeObject *>InterceptOutcome
    ):
        judge_something(task, step, answer)
    elif glue_is_plain(<PyObject *>answer.value):
        answer.flags |= SCOPEFLOW_ANSWER_FLAG_JSON


cdef void drop_nothing(scopeflow_answer *answer) noexcept:
    """None is nothing where a result may be missing."""
    if answer.value == <scopeflow_ref><PyObject *>None:
        drop_reference(answer.value)
        answer.value = 0


cdef void judge_something(
    scopeflow_task *task, scopeflow_step *step, scopeflow_answer *answer,
) noexcept:
    try:
        judge_value(task, step, answer)
    except BaseException as error:
        drop_reference(answer.value)
        drop_reference(answer.annotated)
        answer.annotated = 0
        explain_refusal(step, error)
        INCREF(<PyObject *>error)
        answer_error(answer, <PyObject *>error)


cdef int judge_value(
    scopeflow_task *task, scopeflow_step *step, scopeflow_answer *answer,
) except -1:
    value = <object><PyObject *>answer.value
    cdef scopeflow_registry registry = step.registry
    if step.kind == SCOPEFLOW_STEP_KIND_CODEC:
        if step.codec_action == SCOPEFLOW_CODEC_ACTION_ENCODE_REQUEST:
            check_request(value, "the codec", step)
    elif (
        registry == SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL
        or registry == SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL
        or registry == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL
    ):
        check_reason(value, step)
        answer.kind = SCOPEFLOW_ANSWER_KIND_REFUSE
    elif registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL:
        if step.input_flags & SCOPEFLOW_STEP_FLAG_OBSERVED:
            check_request(value, registration_text(step), step)
    elif registry == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT:
        take_request(task, step, answer, value)
    elif type(value) is InterceptOutcome:
        take_outcome(task, answer, <InterceptOutcome>value)
        drop_nothing(answer)
    return 0


cdef int check_reason(value, scopeflow_step *step) except -1:
    if not isinstance(value, str):
        raise InvalidArgument(
            f"invalid argument: {registration_text(step)} returned {type(value).__name__} for "
            f"'{text_of(step.target)}'; expected str or None"
        )
    return 0


cdef int check_request(value, str what, scopeflow_step *step) except -1:
    if type(value) is not LLMRequest:
        given = "nothing" if value is None else "no LLM request"
        raise InvalidArgument(
            f"invalid argument: {what} returned {given} for '{text_of(step.target)}'"
        )
    return 0


cdef int take_request(
    scopeflow_task *task, scopeflow_step *step, scopeflow_answer *answer, value,
) except -1:
    """S3.11: a request, the pair of a request and its annotated form, or an outcome object."""
    annotated = None
    request = value
    if type(value) is tuple and len(value) == 2:
        request, annotated = value
    elif type(value) is not LLMRequest and hasattr(value, "request"):
        request = value.request
        annotated = getattr(value, "annotated_request", None)
    check_request(request, registration_text(step), step)
    if request is not value:
        leave_marks(task, getattr(value, "pending_marks", ()))
        replace_value(answer, request)
    if annotated is not None:
        answer.annotated = <scopeflow_ref><PyObject *>annotated
        take_reference(answer.annotated)
    return 0


cdef int take_outcome(
    scopeflow_task *task, scopeflow_answer *answer, InterceptOutcome outcome,
) except -1:
    leave_marks(task, outcome.pending_marks)
    replace_value(answer, outcome.result)
    return 0


cdef void replace_value(scopeflow_answer *answer, value) noexcept:
    INCREF(<PyObject *>value)
    drop_reference(answer.value)
    answer.value = <scopeflow_ref><PyObject *>value


# --- Whose error it is ---


cdef int explain(scopeflow_step *step, error) except -1:
    """S4.4: a note (PEP 678) says whose error it is; the error itself stays what it was. What only
    observers lose by is logged instead."""
    if is_logged(step):
        return 0
    what = "the codec" if step.kind == SCOPEFLOW_STEP_KIND_CODEC else registration_text(step)
    return add_note(error, f"{what} callable failed for '{text_of(step.target)}'")


cdef int explain_refusal(const scopeflow_step *step, error) except -1:
    """What a request intercept must not return is told in the peers' words too (S3.11)."""
    if step.kind != SCOPEFLOW_STEP_KIND_INVOKE:
        return 0
    if step.registry == SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT:
        return add_note(error, "py_to_json failed")
    if step.registry == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT:
        return add_note(error, "result[0] extraction failed")
    return 0


cdef int add_note(error, str note) except -1:
    try:
        if hasattr(error, "add_note"):
            error.add_note(note)
        else:
            error.__notes__ = [*getattr(error, "__notes__", ()), note]
    except Exception:
        pass  # An error that takes no note is raised without one.
    return 0


cdef bint is_logged(const scopeflow_step *step) noexcept:
    """Whether the core logs that the step failed, because nobody else is told of it (S5.7)."""
    cdef scopeflow_registry registry = step.registry
    if step.kind == SCOPEFLOW_STEP_KIND_CODEC:
        # Before the start a codec works for the call, later for observers.
        return (
            step.codec_action == SCOPEFLOW_CODEC_ACTION_DECODE_RESPONSE
            or step.input_flags & SCOPEFLOW_STEP_FLAG_OBSERVED != 0
        )
    return (
        step.kind == SCOPEFLOW_STEP_KIND_DELIVER
        or step.kind == SCOPEFLOW_STEP_KIND_FINALIZE
        or step.kind == SCOPEFLOW_STEP_KIND_INVOKE
        and registry != SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL
        and registry != SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL
        and registry != SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT
        and registry != SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT
    )


# Called where a raised exception is to stay as it is (see driver.pxi).
ctypedef PyObject *(*ask_codec_function)(scopeflow_step *step, Runtime runtime) noexcept
ctypedef Py_ssize_t (*fill_function)(
    scopeflow_step *step, Runtime runtime, PyObject *name, PyObject **arguments,
) noexcept

cdef ask_codec_function ask_codec_unchecked = <ask_codec_function>ask_codec
cdef fill_function fill_unchecked = <fill_function>fill_arguments

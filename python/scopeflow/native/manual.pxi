# Calls that the application runs by itself (S4.8): the same events through the same sanitizers. A
# call of this kind does not become current.


cdef ScopeHandle call_handle(Runtime runtime, scopeflow_scope *pointer, handle, data, metadata):
    cdef ScopeHandle call = ScopeHandle.__new__(ScopeHandle)
    fill_handle(call, runtime, pointer, handle, data, metadata)
    call.is_call = True
    return call


cdef ScopeHandle begin_manual_tool_call(
    Runtime runtime, name, args, handle, attributes, data, metadata, tool_call_id, timestamp,
):
    cdef scopeflow_task task
    cdef scopeflow_step step
    current = current_of(runtime)
    begin_tool_call(
        runtime.pointer, pointer_of(current), glue_emitter(), name, args, handle, attributes,
        tool_call_id, metadata, timestamp, &task, &step,
    )
    if step.kind != SCOPEFLOW_STEP_KIND_DONE:
        finish_task(runtime, <ScopeHandle>(current if handle is None else handle), &task, &step)
    return call_handle(runtime, step.scope, handle, data, metadata)


cdef ScopeHandle begin_manual_llm_call(
    Runtime runtime, name, request, handle, attributes, data, metadata, model_name, timestamp,
    annotated_request, codec,
):
    cdef scopeflow_task task
    cdef scopeflow_step step
    request_argument(request)
    codec = codec_argument(codec, "codec", REQUEST_CODEC_METHODS)
    current = current_of(runtime)
    begin_llm_call(
        runtime.pointer, pointer_of(current), glue_emitter(), name, request, handle, attributes,
        model_name, metadata, timestamp, annotated_request, codec, &task, &step,
    )
    if step.kind != SCOPEFLOW_STEP_KIND_DONE:
        finish_task(runtime, <ScopeHandle>(current if handle is None else handle), &task, &step)
    return call_handle(runtime, step.scope, handle, data, metadata)


cdef end_status(status, error):
    """What the caller says, else what the error says."""
    if status is not None or error is None:
        return status
    return EndStatus.Error if isinstance(error, Exception) else EndStatus.Cancelled


cdef int end_manual_tool_call(
    ScopeHandle call, result, data, metadata, error, status, timestamp,
) except -1:
    cdef scopeflow_task task
    cdef scopeflow_step step
    annotation = result.annotation if type(result) is ToolExecutionResult else None
    begin_tool_call_end(
        call.pointer, pointer_of(current_of(call.runtime)), glue_emitter(), result, annotation,
        data, metadata, end_status(status, error), error, timestamp, &task, &step,
    )
    if step.kind != SCOPEFLOW_STEP_KIND_DONE:
        finish_task(call.runtime, call, &task, &step)
    return 0


cdef int end_manual_llm_call(
    ScopeHandle call, response, data, metadata, error, status, timestamp, annotated_response,
    response_codec,
) except -1:
    cdef scopeflow_task task
    cdef scopeflow_step step
    response_codec = codec_argument(response_codec, "response_codec", RESPONSE_CODEC_METHODS)
    begin_llm_call_end(
        call.pointer, pointer_of(current_of(call.runtime)), glue_emitter(), response, data,
        metadata, end_status(status, error), error, timestamp, annotated_response, response_codec,
        &task, &step,
    )
    if step.kind != SCOPEFLOW_STEP_KIND_DONE:
        finish_task(call.runtime, call, &task, &step)
    return 0

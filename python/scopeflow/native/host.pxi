# What Python lends to the core: the host function table. The core calls it only from inside a call
# that this binding makes, and this binding holds the GIL in all of them.

cdef void host_release(void *context, scopeflow_ref ref) noexcept:
    DECREF(<PyObject *>ref)


cdef void host_encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) noexcept:
    cdef PyObject *raised = glue_take_raised()
    encode_payload(<PyObject *>ref, tape)
    if raised != NULL:
        glue_raise(raised)


cdef void host_describe_error(void *context, scopeflow_ref ref, scopeflow_tape *tape) noexcept:
    """The unqualified class name and `str(error)`."""
    cdef PyObject *raised = glue_take_raised()
    description = error_description(<object><PyObject *>ref)
    encode_payload(<PyObject *>description, tape)
    if raised != NULL:
        glue_raise(raised)


cdef dict error_description(error):
    try:
        message = str(error)
    except BaseException as failure:
        contain(failure)
        message = f"<{type(error).__name__} without a text>"
    return {"type": type(error).__name__, "message": message}


cdef scopeflow_host HOST
memset(&HOST, 0, sizeof(HOST))
HOST.struct_size_bytes = sizeof(HOST)
HOST.release = host_release
HOST.encode = host_encode
HOST.describe_error = host_describe_error

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
    """The unqualified class name and `str(error)`, of the runtime's own errors the name too."""
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
    description = {"type": type(error).__name__, "message": message}
    if isinstance(error, ScopeflowError):
        description["status"] = error.code
    return description


cdef void host_log(void *context, uint32_t level, scopeflow_bytes message) noexcept:
    """To the logger `scopeflow`, with the exception that the message is about (S5.7)."""
    cdef PyObject *raised = glue_take_raised()
    cdef PyObject *failure = glue_set_failure(NULL)
    log_message(level, text_of(message), None if failure == NULL else <object>failure)
    if raised != NULL:
        glue_raise(raised)


cdef int log_message(uint32_t level, str message, error) noexcept:
    """Logging may fail itself, above all at exit; then the interpreter's own hook is told."""
    try:
        import logging
        logger = logging.getLogger("scopeflow")
        number = logging.ERROR if level == SCOPEFLOW_LOG_LEVEL_ERROR else logging.WARNING
        logger.log(number, "%s", message, exc_info=error)
    except BaseException as failure:
        contain(failure)
        if error is not None:
            INCREF(<PyObject *>error)
            glue_raise(<PyObject *>error)
            PyErr_WriteUnraisable(<PyObject *>message)
    return 0


cdef scopeflow_ref host_decode(void *context, scopeflow_bytes json, uint32_t shape) noexcept:
    cdef PyObject *raised = glue_take_raised()
    cdef PyObject *value = make_payload(json, shape)
    if raised != NULL:
        glue_raise(raised)
    return <scopeflow_ref>value


cdef PyObject *make_payload(scopeflow_bytes json, uint32_t shape) noexcept:
    """A new reference, NULL where it cannot be made. The core knows that the text is JSON, and that
    what is to be a request has what makes one."""
    try:
        value = decode_json(text_of(json))
        if shape == SCOPEFLOW_DECODE_SHAPE_LLM_REQUEST:
            value = new_request(value["headers"], value["content"])
    except BaseException as error:
        contain(error)
        return NULL
    INCREF(<PyObject *>value)
    return <PyObject *>value


cdef scopeflow_ref host_make_error(
    void *context, uint32_t status, scopeflow_bytes message,
) noexcept:
    cdef PyObject *raised = glue_take_raised()
    cdef PyObject *error = NULL
    try:
        # The message begins with its kind, which a refusal says by itself.
        text = text_of(message)
        if status == SCOPEFLOW_STATUS_GUARDRAIL_REJECTED:
            text = text.removeprefix(REFUSED)
        failure = make_error(<scopeflow_status>status, text)
        error = <PyObject *>failure
        INCREF(error)
    except BaseException as failure:
        contain(failure)
    if raised != NULL:
        glue_raise(raised)
    return <scopeflow_ref>error


# The classes of the core's own codecs, which codecs.py tells: class -> `codec_id` and 1.
cdef dict CORE_CODECS = {}


def know_core_codec(type of_class not None, uint32_t codec):
    """What such a codec makes of payloads for observers the core makes by itself."""
    CORE_CODECS[of_class] = codec + 1


cdef uint32_t host_core_codec(void *context, scopeflow_ref codec) noexcept:
    cdef PyObject *raised = glue_take_raised()
    cdef uint32_t found = core_codec_of(<object><PyObject *>codec)
    if raised != NULL:
        glue_raise(raised)
    return found


cdef uint32_t core_codec_of(codec) noexcept:
    """One of a derived class may do something else. A metaclass may fail to hash."""
    try:
        return CORE_CODECS.get(type(codec), 0)
    except BaseException as error:
        contain(error)
        return 0


cdef scopeflow_host HOST
memset(&HOST, 0, sizeof(HOST))
HOST.struct_size_bytes = sizeof(HOST)
HOST.release = host_release
HOST.encode = host_encode
HOST.describe_error = host_describe_error
HOST.log = host_log
HOST.decode = host_decode
HOST.make_error = host_make_error
HOST.core_codec = host_core_codec

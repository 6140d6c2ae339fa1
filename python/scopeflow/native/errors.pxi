# A failure of the core as an exception (S7.1). The classes themselves are generated.

class ScopeflowError(RuntimeError):
    """What every error of the runtime derives from.

    status: The number of the error in every language; 0 for this class itself.
    code: Its name in every language, such as `already_exists`.

    >>> try:
    ...     scope.pop(get_handle())
    ... except ScopeflowError as error:
    ...     error.code, error.status
    ('invalid_argument', 1003)
    """

    status = 0
    code = ""


cdef str REFUSED = "guardrail rejected: "


class Refusal(ScopeflowError):
    """The shape of an error that carries a reason.

    reason: What the guardrail gave.
    """

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason

    def __str__(self):
        return f"{REFUSED}{self.reason}"


cdef make_error(scopeflow_status status, message):
    return ERROR_CLASSES.get(status, ScopeflowError)(message)


cdef int raise_failure(const scopeflow_error *error) except -1:
    """Raises what a failing operation has filled in."""
    raise error_of(error)


cdef error_of(const scopeflow_error *error):
    return make_error(error.status, message_of(error))


cdef str message_of(const scopeflow_error *error):
    return PyUnicode_DecodeUTF8(error.message, error.message_len_bytes, "replace")


cdef scopeflow_status status_of(error):
    """The runtime's own number of an exception, 0 for every other exception."""
    return error.status if isinstance(error, ScopeflowError) else 0

# Converters of arguments, used by the generated functions. A wrong type is TypeError; a wrong value
# of the right type is InvalidArgument or another error of the runtime (S7.1).

cdef enum:
    NS_PER_US = 1000
    US_PER_SECOND = 1_000_000
    SECONDS_PER_DAY = 86_400
    # Days from 0001-01-01, which Python counts as day 1, to 1970-01-01.
    EPOCH_ORDINAL = 719_163


cdef wrong_type(str what, str expected, value):
    return TypeError(f"{what} must be {expected}, not {type(value).__name__}")


cdef inline int text_argument(value, str what, scopeflow_bytes *out) except -1:
    """Borrows the text's own UTF-8 form, which lives as long as the text."""
    cdef Py_ssize_t size
    if not isinstance(value, str):
        raise wrong_type(what, "str", value)
    if glue_is_ascii(<PyObject *>value):
        out[0] = glue_ascii(<PyObject *>value)
        return 0
    out.ptr = PyUnicode_AsUTF8AndSize(value, &size)
    if out.ptr == NULL:
        PyErr_Clear()
        raise InvalidUtf8(f"{what} holds a lone surrogate, which UTF-8 cannot say")
    out.len = size
    return 0


cdef inline int optional_text_argument(value, str what, scopeflow_bytes *out) except -1:
    if value is None:
        out.ptr = NULL
        out.len = 0
        return 0
    return text_argument(value, what, out)


cdef int bytes_argument(value, str what, scopeflow_bytes *out) except -1:
    if not isinstance(value, bytes):
        raise wrong_type(what, "bytes", value)
    out.ptr = <const char *><bytes>value
    out.len = len(<bytes>value)
    return 0


cdef int optional_bytes_argument(value, str what, scopeflow_bytes *out) except -1:
    if value is None:
        out.ptr = NULL
        out.len = 0
        return 0
    return bytes_argument(value, what, out)


cdef inline int32_t enum_argument(value, of_class, str what) except? -1:
    if type(value) is not of_class:
        raise wrong_type(what, of_class.__name__, value)
    return (<Enumeration>value).value


cdef uint32_t flags_argument(value, of_class, uint32_t mask, str what) except? 0xFFFFFFFF:
    if type(value) is not of_class and type(value) is not int:
        raise wrong_type(what, of_class.__name__, value)
    if value & ~mask:
        raise InvalidArgument(f"{what} has unknown bits: {value:#x}; known are {mask:#x}")
    return value


cdef int64_t i64_argument(value, int64_t lowest, int64_t highest, str what) except? -1:
    cdef int overflow = 0
    if not PyLong_Check(value):
        raise wrong_type(what, "int", value)
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or number < lowest or number > highest:
        raise InvalidArgument(f"{what} must be from {lowest} to {highest}, not {value}")
    return number


cdef inline int32_t i32_argument(value, int64_t lowest, int64_t highest, str what) except? -1:
    return <int32_t>i64_argument(value, lowest, highest, what)


cdef uint32_t u32_argument(
    value, int64_t lowest, int64_t highest, str what,
) except? 0xFFFFFFFF:
    return <uint32_t>i64_argument(value, lowest, highest, what)


cdef uint64_t u64_argument(
    value, uint64_t lowest, uint64_t highest, str what,
) except? <uint64_t>-1:
    if not PyLong_Check(value):
        raise wrong_type(what, "int", value)
    if not lowest <= value <= highest:
        raise InvalidArgument(f"{what} must be from {lowest} to {highest}, not {value}")
    return value


cdef uint32_t bool_argument(value, str what) except? 0xFFFFFFFF:
    if not isinstance(value, bool):
        raise wrong_type(what, "bool", value)
    return value


cdef double f64_argument(value, str what) except? -1.0:
    if not isinstance(value, (float, int)):
        raise wrong_type(what, "float", value)
    return value


cdef inline int handle_argument(value, of_class, str what) except -1:
    if type(value) is not of_class and not isinstance(value, of_class):
        raise wrong_type(what, of_class.__name__, value)
    return 0


cdef inline int optional_handle_argument(value, of_class, str what) except -1:
    return 0 if value is None else handle_argument(value, of_class, what)


cdef inline scopeflow_ref payload_argument(value) noexcept:
    """None means absent (S2.5); the caller's frame keeps the object while the task borrows it."""
    return 0 if value is None else <scopeflow_ref><PyObject *>value


# Stands for None where that is a payload, JSON null, and not its absence (S2.5).
cdef object JSON_NULL = object()


cdef inline response_given(value):
    """Of an argument that is left out by `...`: there None is a payload."""
    if value is Ellipsis:
        return None
    return JSON_NULL if value is None else value


cdef scopeflow_ref error_argument(value, str what) except? 0:
    if value is None:
        return 0
    if not isinstance(value, BaseException):
        raise wrong_type(what, "an exception", value)
    return <scopeflow_ref><PyObject *>value


cdef inline int64_t timestamp_argument(value, str what) except? -1:
    if value is None:
        return SCOPEFLOW_TIMESTAMP_NONE
    return nanoseconds_of(value, what)


cdef int64_t nanoseconds_of(value, str what) except? -1:
    """An aware datetime, exactly, or nanoseconds since 1970 as an int (S2.3)."""
    if type(value) is int:
        return i64_argument(value, INT64_MIN + 1, INT64_MAX, what)
    # Whoever has a datetime has imported its module.
    module = loaded_module("datetime")
    if module is None or not isinstance(value, module.datetime):
        raise wrong_type(what, "a datetime.datetime object or an int of nanoseconds", value)
    offset = value.utcoffset()
    if offset is None:
        raise InvalidArgument(f"{what} datetime must be timezone-aware: {value!r} has no offset")
    days = value.toordinal() - EPOCH_ORDINAL
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    seconds += (days - offset.days) * SECONDS_PER_DAY - offset.seconds
    microseconds = seconds * US_PER_SECOND + value.microsecond - offset.microseconds
    return i64_argument(microseconds * NS_PER_US, INT64_MIN + 1, INT64_MAX, what)


# --- References that the core takes ---


cdef inline void take_reference(scopeflow_ref ref) noexcept:
    if ref != 0:
        INCREF(<PyObject *>ref)


cdef inline void drop_reference(scopeflow_ref ref) noexcept:
    XDECREF(<PyObject *>ref)


cdef loaded_module(str name):
    """A module if somebody has imported it: nobody can hold an object of its types otherwise."""
    return sys.modules.get(name)


# --- Results ---


cdef text_of(scopeflow_bytes text):
    return PyUnicode_DecodeUTF8(text.ptr, <Py_ssize_t>text.len, "replace")


cdef text_of_chars(const char *text):
    return text.decode("ascii")


cdef bytes_of(scopeflow_bytes text):
    return text.ptr[:text.len]


cdef object_of(scopeflow_ref ref):
    if ref == 0:
        return None
    value = <object><PyObject *>ref
    return (<Callback>value).function if type(value) is Callback else value


cdef str uuid_text(const scopeflow_uuid *uuid):
    cdef char text[36]
    cdef int at = 0
    for i in range(16):
        if i == 4 or i == 6 or i == 8 or i == 10:
            text[at] = c"-"
            at += 1
        text[at] = HEXADECIMAL[uuid.bytes[i] >> 4]
        text[at + 1] = HEXADECIMAL[uuid.bytes[i] & 15]
        at += 2
    return text[:36].decode("ascii")


cdef const char *HEXADECIMAL = b"0123456789abcdef"

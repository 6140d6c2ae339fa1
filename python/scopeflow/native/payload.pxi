# The walker: a Python value -> tokens on a tape, by the table `encodings` of spec/api/payload.yaml
# (S2.6). Nothing that a value does while it is looked at may escape: what fails is written as
# unserializable. The core writes the JSON text, keeps the budget and orders sets.

cdef enum:
    DEPTH_LIMIT = 128
    # Values inside values, containers or not: an enum whose value is an enum nests without a container.
    NESTING_LIMIT = 4 * DEPTH_LIMIT
    # Python refuses to write an integer of more digits at once, against quadratic time.
    DIGITS_AT_ONCE = 4_000
    # Beyond this an integer is worth no more digits than any payload may hold.
    INTEGER_BIT_LIMIT = 1 << 22


cdef struct Walk:
    scopeflow_tape *tape
    # The containers that are open, outermost first, for references to them.
    PyObject *ancestors[DEPTH_LIMIT + 1]
    int depth
    int nesting


cdef void encode_payload(PyObject *value, scopeflow_tape *tape) noexcept:
    """Appends exactly one value."""
    cdef Walk walk
    walk.tape = tape
    walk.depth = 0
    walk.nesting = 0
    put_value(&walk, <object>value)


cdef void put_value(Walk *walk, value) noexcept:
    if walk.nesting >= NESTING_LIMIT or not glue_put_scalar(walk.tape, <PyObject *>value):
        put_no_scalar(walk, value)


cdef void put_no_scalar(Walk *walk, value) noexcept:
    """What is more than a scalar, or one that is not easily put. A failure on the way ends every
    container that it has opened."""
    cdef int depth = walk.depth
    walk.nesting += 1
    if put_nested_unchecked(walk, value) != 0:
        recover(walk, value, depth)
    walk.nesting -= 1


cdef int put_nested(Walk *walk, value) except -1:
    if walk.nesting > NESTING_LIMIT:
        put_unserializable(walk, value)
    elif not put_plain(walk, value):
        put_other(walk, value)
    return 0


# A raised exception is left where it is: to expect one costs each container more than to look.
ctypedef int (*put_nested_function)(Walk *walk, value) noexcept

cdef put_nested_function put_nested_unchecked = <put_nested_function>put_nested


cdef void recover(Walk *walk, value, int depth) noexcept:
    cdef PyObject *raised = glue_take_raised()
    contain(<object>raised)
    DECREF(raised)
    if walk.depth == depth:
        put_unserializable(walk, value)
    while walk.depth > depth:
        leave_container(walk)


cdef void contain(error) noexcept:
    """S2.6: encoding never raises into the call. Ctrl-C is not lost: it is signalled once more."""
    if isinstance(error, KeyboardInterrupt):
        PyErr_SetInterrupt()


cdef bint put_plain(Walk *walk, value) except -1:
    """The kinds that payloads are mostly made of, told by their exact type. Scalars are left over
    only where glue_put_scalar could not do it."""
    cdef PyTypeObject *kind = Py_TYPE(<PyObject *>value)
    if kind == <PyTypeObject *>dict:
        put_dict(walk, value, <dict>value)
    elif kind == <PyTypeObject *>list or kind == <PyTypeObject *>tuple:
        put_sequence(walk, value)
    elif kind == <PyTypeObject *>str:
        put_text(walk, SCOPEFLOW_TOKEN_STRING, <str>value)
    elif kind == <PyTypeObject *>int:
        put_integer(walk, value)
    else:
        return False
    return True


cdef int put_other(Walk *walk, value) except -1:
    """Subclasses, and the kinds of other modules. An enum member goes first: it may be an int."""
    kind = type(value)
    if kind is LLMRequest:
        put_request(walk, <LLMRequest>value)
    elif kind is ToolExecutionResult:
        put_value(walk, (<ToolExecutionResult>value).result)
    elif value is JSON_NULL:
        scopeflow_tape_put_null(walk.tape)
    elif is_instance_of(value, "enum", "Enum"):
        put_value(walk, value.value)
    elif isinstance(value, Enumeration):
        put_integer(walk, (<Enumeration>value).value)
    elif isinstance(value, str):
        put_text(walk, SCOPEFLOW_TOKEN_STRING, str.__str__(value))
    elif isinstance(value, int):
        put_integer(walk, int.__int__(value))
    elif isinstance(value, float):
        scopeflow_tape_put_double(walk.tape, PyFloat_AsDouble(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        put_bytes(walk, bytes(value))
    elif hasattr(kind, "__dataclass_fields__"):
        put_dict(walk, value, dataclass_members(value))
    elif hasattr(kind, "model_dump"):
        put_model(walk, value, value.model_dump())
    elif isinstance(value, dict):
        # A subclass may have an order of its own.
        put_dict(walk, value, dict(value.items()))
    elif isinstance(value, (list, tuple)):
        put_sequence(walk, value)
    elif isinstance(value, (set, frozenset)):
        put_set(walk, value)
    else:
        put_foreign(walk, value)
    return 0


cdef int put_request(Walk *walk, LLMRequest request) except -1:
    put_dict(walk, request, {"content": request.content, "headers": request.headers})
    return 0


cdef int put_foreign(Walk *walk, value) except -1:
    if is_instance_of(value, "_collections_abc", "Mapping"):
        put_dict(walk, value, {key: value[key] for key in value})
    elif is_instance_of(value, "_collections_abc", "Set"):
        put_set(walk, value)
    elif is_instance_of(value, "decimal", "Decimal"):
        put_text(walk, SCOPEFLOW_TOKEN_STRING, str(value))
    elif is_moment(value):
        put_text(walk, SCOPEFLOW_TOKEN_STRING, moment_text(value))
    else:
        put_unserializable(walk, value)
    return 0


# --- Texts and numbers ---


cdef int put_text(Walk *walk, scopeflow_token token, str text) except -1:
    cdef Py_ssize_t size = 0
    cdef scopeflow_bytes utf8
    utf8.ptr = PyUnicode_AsUTF8AndSize(text, &size)
    if utf8.ptr == NULL:
        PyErr_Clear()
        # A pair of surrogates is one character; one that stands alone is U+FFFD.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        utf8.ptr = PyUnicode_AsUTF8AndSize(text, &size)
    utf8.len = size
    scopeflow_tape_put_text(walk.tape, token, utf8)
    return 0


cdef int put_bytes(Walk *walk, bytes content) except -1:
    cdef scopeflow_bytes text
    text.ptr = content
    text.len = len(content)
    scopeflow_tape_put_text(walk.tape, SCOPEFLOW_TOKEN_BYTES, text)
    return 0


cdef int put_integer(Walk *walk, value) except -1:
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if not overflow:
        scopeflow_tape_put_int(walk.tape, number)
    elif overflow > 0 and value <= UINT64_MAX:
        scopeflow_tape_put_uint(walk.tape, PyLong_AsUnsignedLongLong(value))
    else:
        put_text(walk, SCOPEFLOW_TOKEN_BIG_INTEGER, integer_text(value))
    return 0


cdef str integer_text(value):
    """All its digits, whatever sys.set_int_max_str_digits allows at once."""
    if value.bit_length() > INTEGER_BIT_LIMIT:
        raise OverflowError("an integer of more digits than a payload may hold")
    parts = []
    ten = 10  # A Python object: as a C number the power would overflow.
    step = ten ** DIGITS_AT_ONCE
    rest = abs(value)
    while rest >= step:
        rest, part = divmod(rest, step)
        parts.append(str(part).zfill(DIGITS_AT_ONCE))
    parts.append(str(rest))
    return ("-" if value < 0 else "") + "".join(reversed(parts))


cdef void put_unserializable(Walk *walk, value) noexcept:
    try:
        put_text(walk, SCOPEFLOW_TOKEN_UNSERIALIZABLE, type(value).__name__)
    except BaseException as error:
        contain(error)
        scopeflow_tape_put_null(walk.tape)


# --- Containers ---


cdef bint enter_container(Walk *walk, PyObject *container, scopeflow_token token) noexcept:
    """Opens a container, or writes what stands for one that cannot be entered."""
    cdef int level
    for level in range(walk.depth):
        if walk.ancestors[level] == container:
            scopeflow_tape_put_cycle(walk.tape, <uint32_t>(walk.depth - level))
            return False
    if walk.depth == DEPTH_LIMIT:
        scopeflow_tape_put_mark(walk.tape, SCOPEFLOW_TOKEN_TOO_DEEP)
        return False
    walk.ancestors[walk.depth] = container
    walk.depth += 1
    scopeflow_tape_put_mark(walk.tape, token)
    return True


cdef void leave_container(Walk *walk) noexcept:
    walk.depth -= 1
    scopeflow_tape_put_mark(walk.tape, SCOPEFLOW_TOKEN_END)


cdef int put_dict(Walk *walk, owner, dict members) except -1:
    """`owner` is the object that a cycle would come back to."""
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef PyObject *value
    if not glue_has_text_keys(<PyObject *>members):
        members = with_text_keys(members)
    if not enter_container(walk, <PyObject *>owner, SCOPEFLOW_TOKEN_OBJECT):
        return 0
    while not scopeflow_tape_is_full(walk.tape) and PyDict_Next(members, &at, &key, &value):
        if glue_put_member(walk.tape, key, value):
            continue
        if not glue_put_key(walk.tape, key):
            put_member(walk, <object>key, <object>value)
        elif not glue_put_scalar(walk.tape, value):  # No code runs for one; nobody has to hold it.
            put_no_scalar(walk, <object>value)
    leave_container(walk)
    return 0


cdef int put_member(Walk *walk, key, value) except -1:
    """One whose key has no UTF-8 as it is, or is no text: what is inside may change its dict. Key
    and value are held here, whatever code runs."""
    put_text(walk, SCOPEFLOW_TOKEN_STRING, key_text(key))
    put_value(walk, value)
    return 0


cdef int put_model(Walk *walk, owner, dumped) except -1:
    """Most models are objects; one may stand for any other value."""
    if type(dumped) is dict:
        put_dict(walk, owner, dumped)
    else:
        put_value(walk, dumped)
    return 0


cdef int put_sequence(Walk *walk, value) except -1:
    cdef Py_ssize_t at = 0
    cdef PyObject *element
    if not enter_container(walk, <PyObject *>value, SCOPEFLOW_TOKEN_ARRAY):
        return 0
    # What is inside may change it while it is looked at.
    while at < glue_sequence_size(<PyObject *>value) and not scopeflow_tape_is_full(walk.tape):
        element = glue_sequence_item(<PyObject *>value, at)
        if not glue_put_scalar(walk.tape, element):
            put_no_scalar(walk, <object>element)
        at += 1
    leave_container(walk)
    return 0


cdef int put_set(Walk *walk, value) except -1:
    if not enter_container(walk, <PyObject *>value, SCOPEFLOW_TOKEN_SET):
        return 0
    for element in tuple(value):
        if scopeflow_tape_is_full(walk.tape):
            break
        put_value(walk, element)
    leave_container(walk)
    return 0


cdef dict with_text_keys(dict members):
    """The members under texts; of two keys with one text the last wins, at the first one's place."""
    return {key_text(key): value for key, value in list(members.items())}


cdef str key_text(key):
    """As JSON would write the key, without quotes."""
    if isinstance(key, str):
        return str.__str__(key)
    if key is True or key is False:
        return "true" if key else "false"
    if key is None:
        return "null"
    if is_instance_of(key, "enum", "Enum"):
        return key_text(key.value)
    if is_moment(key):
        return moment_text(key)
    try:
        return str(key)
    except BaseException as error:
        contain(error)
        return type(key).__name__


cdef dict dataclass_members(value):
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}


# --- Kinds of other modules ---


cdef bint is_instance_of(value, str module_name, str class_name) except -1:
    module = loaded_module(module_name)
    return module is not None and isinstance(value, getattr(module, class_name))


cdef bint is_moment(value) except -1:
    module = loaded_module("datetime")
    return module is not None and isinstance(value, (module.date, module.time))


cdef str moment_text(value):
    """RFC 3339, a naive one without offset (S2.6); UTC is said with a Z."""
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text

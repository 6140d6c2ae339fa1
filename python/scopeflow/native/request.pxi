# The request of an LLM call, and what intercepts may return beside plain values (S3.11).

@cython.final
@cython.freelist(16)
cdef class LLMRequest:
    """A request to a language model.

    headers: Headers of the transport, a dict or another mapping. Observers never see the credentials among them
        (S3.6).
    content: What the provider gets, a mapping.

    >>> request = LLMRequest({"authorization": "Bearer x"}, {"model": "gpt-4o"})
    >>> request  # Of the headers it shows no values.
    LLMRequest(headers=['authorization'], content={'model': 'gpt-4o'})
    >>> request.content["model"]
    'gpt-4o'
    """

    cdef public object headers
    cdef public object content

    def __init__(self, headers, content):
        if not isinstance(headers, dict) and not hasattr(headers, "keys"):
            raise TypeError(f"headers: {type(headers).__name__!r} is not an instance of 'dict'")
        self.headers = headers
        self.content = content

    def __eq__(self, other):
        if type(other) is not LLMRequest:
            return NotImplemented
        cdef LLMRequest that = <LLMRequest>other
        return self.headers == that.headers and self.content == that.content

    __hash__ = None

    def __reduce__(self):
        return LLMRequest, (self.headers, self.content)

    def __repr__(self):
        # Of the headers only the names: a log is no place for credentials.
        names = list(self.headers) if isinstance(self.headers, dict) else "..."
        return f"LLMRequest(headers={names!r}, content={self.content!r})"


cdef LLMRequest new_request(headers, content):
    cdef LLMRequest request = LLMRequest.__new__(LLMRequest)
    request.headers = headers
    request.content = content
    return request


cdef int request_argument(value) except -1:
    if type(value) is not LLMRequest:
        raise wrong_type("request", "LLMRequest", value)
    return 0


# --- What intercepts return ---


@cython.final
cdef class PendingMarkSpec:
    """A mark that an intercept leaves with its call: it is emitted right after the call's end, as
    its child (S3.11).

    name: What happened, at most 65,535 bytes.
    category: The mark's category, at most 65,535 bytes, or None.
    category_profile: Facts that belong to the category, a dict.
    data: The mark's data.
    metadata: The mark's metadata.
    data_schema: The schema that the data follows, a dict with `name` and `version`.
    severity: LogSeverity, how grave it is; it stands in the metadata, which has to be a dict.

    >>> mark = PendingMarkSpec("cache hit", data={"key": "x"}, severity=LogSeverity.Debug)
    >>> mark.name, mark.data, mark.severity
    ('cache hit', {'key': 'x'}, LogSeverity.Debug)
    """

    cdef readonly object name
    cdef readonly object category
    cdef readonly object category_profile
    cdef readonly object data
    cdef readonly object metadata
    cdef readonly object data_schema

    def __init__(
        self, name, category=None, category_profile=None, data=None, metadata=None,
        data_schema=None, severity=None,
    ):
        if not isinstance(name, str):
            raise wrong_type("name", "str", name)
        if category is not None and not isinstance(category, str):
            raise wrong_type("category", "str", category)
        self.name = name
        self.category = category
        self.category_profile = category_profile
        self.data = data
        self.data_schema = data_schema
        self.metadata = metadata if severity is None else with_severity(metadata, severity)

    @property
    def severity(self):
        """How grave it is, a LogSeverity, or None."""
        return severity_of(self.metadata)

    def __repr__(self):
        return describe_fields(
            self, ("name", "category", "category_profile", "data", "metadata", "data_schema")
        )


@cython.final
cdef class InterceptOutcome:
    """What an intercept may return in place of its result, to leave marks with the call.

    result: What it would have returned: the request, or the call's result.
    pending_marks: PendingMarkSpec objects, in the order in which they are emitted.
    annotation: Of a tool execution intercept: the result's annotation, as in ToolExecutionResult.

    >>> def cached(name, args, next):
    ...     return InterceptOutcome({"hits": 2}, [PendingMarkSpec("cache hit")])
    >>> with intercepts.tool_execution("cached", 10, cached), testing.capture() as events:
    ...     tools.execute_sync("search", {}, print)
    {'hits': 2}
    >>> events.names()
    ['start search', 'end search', 'mark cache hit']
    """

    cdef readonly object result
    cdef readonly object pending_marks
    cdef readonly object annotation

    def __init__(self, result, pending_marks=(), *, annotation=None):
        self.result = result
        self.pending_marks = list(pending_marks)
        self.annotation = annotation

    def __repr__(self):
        return describe_fields(self, ("result", "pending_marks", "annotation"))


@cython.final
cdef class ToolExecutionResult:
    """The result of a tool with an annotation, for observers; a tool may return it in place of its
    plain result, and its caller gets it as it is.

    result: What the tool would have returned; the data of its end event.
    annotation: What else is to be known of the result, JSON-shaped; `tool_result_annotation` of the
        end event's category profile.

    >>> def search(args):
    ...     return ToolExecutionResult({"hits": 2}, annotation={"source": "cache"})
    >>> with testing.capture() as events:
    ...     tools.execute_sync("search", {}, search).result
    {'hits': 2}
    >>> events.find("search", phase="end").category_profile["tool_result_annotation"]
    {'source': 'cache'}
    """

    cdef readonly object result
    cdef readonly object annotation

    def __init__(self, result, annotation=None):
        self.result = result
        self.annotation = annotation

    @classmethod
    def __class_getitem__(cls, item):
        return cls

    def __eq__(self, other):
        if type(other) is not ToolExecutionResult:
            return NotImplemented
        cdef ToolExecutionResult that = <ToolExecutionResult>other
        return self.result == that.result and self.annotation == that.annotation

    __hash__ = None

    def __reduce__(self):
        return ToolExecutionResult, (self.result, self.annotation)

    def __repr__(self):
        return describe_fields(self, ("result", "annotation"))


@cython.final
cdef class LLMRequestInterceptOutcome:
    """What an LLM request intercept may return in place of the request.

    request: The request that goes on, an LLMRequest.
    annotated_request: Its annotated form, if the call has a codec.
    pending_marks: PendingMarkSpec objects, in the order in which they are emitted.

    >>> def cheaper(name, request, annotated):
    ...     request = LLMRequest(request.headers, {**request.content, "model": "small"})
    ...     return LLMRequestInterceptOutcome(request, pending_marks=[PendingMarkSpec("cheaper")])
    >>> with intercepts.llm_request("cheaper", 10, False, cheaper), testing.capture() as events:
    ...     llm.execute_sync("openai", LLMRequest({}, {}), lambda request: request.content)
    {'model': 'small'}
    >>> events.names()
    ['start openai', 'end openai', 'mark cheaper']
    """

    cdef readonly object request
    cdef readonly object annotated_request
    cdef readonly object pending_marks

    def __init__(self, request, annotated_request=None, pending_marks=()):
        request_argument(request)
        self.request = request
        self.annotated_request = annotated_request
        self.pending_marks = list(pending_marks)

    def __repr__(self):
        return describe_fields(self, ("request", "annotated_request", "pending_marks"))


cdef int leave_marks(scopeflow_task *task, marks) except -1:
    for mark in marks:
        leave_mark(task, mark)
    return 0


cdef int leave_mark(scopeflow_task *task, mark) except -1:
    cdef scopeflow_bytes name
    cdef scopeflow_bytes category
    cdef scopeflow_error error
    cdef scopeflow_ref refs[4]
    # All of it is held from here, whatever kind of object the mark is.
    texts = (mark.name, getattr(mark, "category", None) or "")
    given = (
        mark.data, mark.metadata, getattr(mark, "category_profile", None),
        getattr(mark, "data_schema", None),
    )
    text_argument(texts[0], "the name of a pending mark", &name)
    text_argument(texts[1], "the category of a pending mark", &category)
    for i in range(4):
        refs[i] = payload_argument(given[i])
        take_reference(refs[i])
    cdef scopeflow_status status = scopeflow_task_mark(
        task, name, refs[0], refs[1], category, refs[2], refs[3], &error
    )
    if status == SCOPEFLOW_STATUS_OK:
        return 0
    for i in range(4):
        drop_reference(refs[i])
    raise_failure(&error)
    return 0


# --- Private copies (S3.10) ---

# A copy is made level by level, not by recursion: a payload may be nested as deeply as it likes.
# What was copied already is remembered, so that aliases and cycles stay what they are.


cdef class PrivateCopy:
    """One copy in the making."""

    # Not None: the copy is for observers, and this runtime knows what they may not see (S3.6).
    cdef Runtime observed_by
    # id of an original -> (the original, its copy).
    cdef dict made
    # Copies whose members are still the originals'.
    cdef list unfinished


cdef private_copy(value, Runtime observed_by):
    """The JSON containers of the value anew: dicts, lists, tuples and LLM requests; all else is
    shared."""
    if is_leaf(value):
        return value
    if type(value) is dict and has_only_leaves(<dict>value):
        return PyDict_Copy(value)  # As the arguments of most tools: there is nothing to keep track of.
    cdef PrivateCopy copy = PrivateCopy.__new__(PrivateCopy)
    copy.observed_by = observed_by
    copy.made = {}
    copy.unfinished = []
    result = copy_shallowly(copy, value)
    while copy.unfinished:
        finish_container(copy, copy.unfinished.pop())
    return result


cdef inline bint is_leaf(value) noexcept:
    """Whether it is shared, whatever stands in it."""
    return not isinstance(value, (dict, list, tuple)) and type(value) is not LLMRequest


cdef inline bint has_only_leaves(dict members):
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef PyObject *value
    while PyDict_Next(members, &at, &key, &value):
        if not is_leaf(<object>value):
            return False
    return True


cdef copy_shallowly(PrivateCopy copy, value):
    """The copy of a container, to be finished later; a tuple is finished at once."""
    cdef PyObject *known = PyDict_GetItem(copy.made, id(value))
    if known != NULL:
        return (<tuple><object>known)[1]
    kind = type(value)
    if kind is dict:
        made = PyDict_Copy(value)
    elif kind is list:
        made = value[:]
    elif kind is LLMRequest:
        made = new_request((<LLMRequest>value).headers, (<LLMRequest>value).content)
        if copy.observed_by is not None:
            drop_credentials(copy.observed_by, <LLMRequest>made)
    elif isinstance(value, tuple):
        return copy_tuple(copy, value)
    else:
        made = copy_subclass(value)
    copy.made[id(value)] = (value, made)
    copy.unfinished.append(made)
    return made


cdef copy_subclass(value):
    """Of the same class, so that what goes on is what the target expects."""
    import copy
    return copy.copy(value)


cdef copy_tuple(PrivateCopy copy, value):
    """The tuple itself where nothing in it is to be copied."""
    if all([is_leaf(element) for element in value]):
        return value
    # A tuple cannot be finished later, so that these do nest.
    Py_EnterRecursiveCall(b" while copying a payload")
    try:
        elements = tuple([e if is_leaf(e) else copy_shallowly(copy, e) for e in value])
    finally:
        Py_LeaveRecursiveCall()
    made = elements if type(value) is tuple else tuple.__new__(type(value), elements)
    copy.made[id(value)] = (value, made)
    return made


cdef int finish_container(PrivateCopy copy, made) except -1:
    """Puts copies in the place of the originals."""
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef PyObject *value
    if type(made) is LLMRequest:
        finish_request(copy, <LLMRequest>made)
    elif isinstance(made, dict):
        # A member that exists already may be set on the way.
        while PyDict_Next(made, &at, &key, &value):
            if not is_leaf(<object>value):
                PyDict_SetItem(made, <object>key, copy_shallowly(copy, <object>value))
    else:
        for index in range(PyList_GET_SIZE(made)):
            element = <object>PyList_GET_ITEM(made, index)
            if not is_leaf(element):
                list.__setitem__(made, index, copy_shallowly(copy, element))
    return 0


cdef int finish_request(PrivateCopy copy, LLMRequest made) except -1:
    if not is_leaf(made.headers):
        made.headers = copy_shallowly(copy, made.headers)
    if not is_leaf(made.content):
        made.content = copy_shallowly(copy, made.content)
    return 0


cdef int drop_credentials(Runtime runtime, LLMRequest made) except -1:
    """S3.6: what observers never see is gone before the first sanitizer looks."""
    if not isinstance(made.headers, dict):
        return 0
    made.headers = {
        name: value
        for name, value in made.headers.items()
        if not (isinstance(name, str) and runtime.runtime_is_credential_header(name))
    }
    return 0

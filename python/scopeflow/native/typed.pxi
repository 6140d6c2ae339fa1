# What `typed` puts between a function of the application's own types and the call that runs it.

cdef encoded_by(codec, value, str what, str name):
    try:
        return codec.to_json(value)
    except BaseException as error:
        add_note(error, f"to_json of the codec of {what} of '{name}' failed")
        raise


cdef decoded_by(codec, data, str what, str name):
    try:
        return codec.from_json(data)
    except BaseException as error:
        add_note(error, f"from_json of the codec of {what} of '{name}' failed")
        raise


@cython.final
cdef class _JsonPair:
    """An object and its JSON form, while it may have to be told whether somebody changed that."""

    cdef readonly object value
    cdef readonly object json
    cdef object codec
    cdef dict as_it_was

    cdef bint is_still(self, data) except -1:
        """Whether it is the JSON form, and as it was. A flat one is compared with a copy, any other
        with what the codec makes of the object now."""
        if data is not self.json:
            return False
        if self.as_it_was is not None:
            return data == self.as_it_was
        return data is self.value or data == self.codec.to_json(self.value)


cdef _JsonPair new_pair(codec, value, str what, str name):
    cdef _JsonPair made = _JsonPair.__new__(_JsonPair)
    made.codec = codec
    made.value = value
    made.json = encoded_by(codec, value, what, name)
    if type(made.json) is dict and is_flat(<dict>made.json):
        made.as_it_was = (<dict>made.json).copy()
    return made


cdef bint is_flat(dict members) noexcept:
    """Whether a copy of the dict tells if anybody has changed it."""
    cdef Py_ssize_t at = 0
    cdef PyObject *value
    while PyDict_Next(members, &at, NULL, &value):
        if not glue_is_scalar(value):
            return False
    return True


cdef class TypedResult:
    """What a function returned last, for the caller.

    codec: Its Codec; what, name: Whose it is, for the note at an error of the codec.
    """

    cdef object codec
    cdef str what
    cdef str name
    cdef _JsonPair last

    def __init__(self, codec, str what, str name):
        self.codec = codec
        self.what = what
        self.name = name

    cpdef encoded(self, value):
        """The JSON form of what the function returned."""
        self.last = new_pair(self.codec, value, self.what, self.name)
        return self.last.json

    async def awaited(self, waiting):
        """As `encoded`, of what comes of an awaitable."""
        return self.encoded(await waiting)

    cpdef decoded(self, data):
        """The object for the caller: the very one if nobody changed its JSON form."""
        if self.last is not None and self.last.is_still(data):
            return self.last.value
        return decoded_by(self.codec, data, self.what, self.name)


cdef class TypedTarget(TypedResult):
    """A function of the application's own types as one from JSON to JSON."""

    cdef object function

    def __init__(self, function, codec, str what, str name):
        TypedResult.__init__(self, codec, what, name)
        self.function = function

    @property
    def __code__(self):
        """The function's own, which says whether it is declared async (S3.8)."""
        return self.function.__code__

    cdef given(self, data):
        return data

    def __call__(self, data):
        result = self.function(self.given(data))
        return self.awaited(result) if glue_is_awaitable(<PyObject *>result) else self.encoded(result)


@cython.final
cdef class TypedTool(TypedTarget):
    """As that, whose argument has a codec too.

    json: The JSON form of the argument.
    """

    cdef _JsonPair arguments
    cdef object arguments_codec

    def __init__(self, function, arguments, arguments_codec, codec, str name):
        TypedTarget.__init__(self, function, codec, "the result", name)
        self.arguments_codec = arguments_codec
        self.arguments = new_pair(arguments_codec, arguments, "the arguments", name)

    @property
    def json(self):
        return self.arguments.json

    cdef given(self, data):
        if self.arguments.is_still(data):
            return self.arguments.value
        return decoded_by(self.arguments_codec, data, "the arguments", self.name)

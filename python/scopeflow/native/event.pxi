# Events as Python sees them. Every subscriber gets an object of its own, and what it looks at is
# decoded for it: changes that one makes nobody else can see (S5.5).

cdef class Event:
    """What ScopeEvent and MarkEvent have in common. Events may be kept and read at any time.

    Those that `scopeflow.read_atof` gives have the same attributes as those of a subscriber.

    >>> def show(event):
    ...     print(event.kind, event.name, event.data, event.metadata)
    >>> subscribers.register("show", show)
    >>> scope.event("cache miss", data={"key": "weather"})
    mark cache miss {'key': 'weather'} None
    """

    # NULL for one that was read from a file: it has a line instead.
    cdef scopeflow_event *pointer
    cdef EventLine line
    cdef scopeflow_event_info info
    # Parts that were looked at: EventPart number -> decoded JSON.
    cdef dict parts

    def __dealloc__(self):
        scopeflow_event_release(self.pointer)

    @property
    def kind(self):
        """`scope` or `mark`."""
        return "scope" if self.info.kind == SCOPEFLOW_EVENT_KIND_SCOPE else "mark"

    @property
    def scope_category(self):
        """`start` or `end`; None for a mark."""
        if self.info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_NONE:
            return None
        return "start" if self.info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_START else "end"

    @property
    def atof_version(self):
        """The version of the event format; None in a file that does not say."""
        return part_of(self, SCOPEFLOW_EVENT_PART_LINE).get("atof_version")

    @property
    def uuid(self):
        """The scope's id, which its start and end share, or the mark's own."""
        return uuid_text(&self.info.uuid)

    @property
    def parent_uuid(self):
        """The parent's id; None in a file that names no parent."""
        if self.line is not None and not self.line.has_parent:
            return None
        return uuid_text(&self.info.parent_uuid)

    @property
    def timestamp(self):
        """RFC 3339 in UTC with nine fractional digits."""
        return timestamp_text(self.info.timestamp_ns)

    @property
    def timestamp_ns(self):
        """Nanoseconds since 1970-01-01 UTC."""
        return self.info.timestamp_ns

    @property
    def time(self):
        """The timestamp as an aware datetime; digits below microseconds are cut off."""
        return moment_of(self.info.timestamp_ns)

    @property
    def name(self):
        """What the scope or mark is called."""
        return text_of(self.info.name)

    @property
    def category(self):
        """The kind of work, such as `tool`; None for a mark without one."""
        if self.info.category.len == 0 and self.info.kind == SCOPEFLOW_EVENT_KIND_SCOPE:
            return "unknown"  # A file that says none.
        return text_of(self.info.category) or None

    @property
    def category_profile(self):
        """Facts that belong to the category, a dict, or None."""
        return part_of(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE)

    @property
    def data(self):
        """The payload as plain JSON data, as of the emission; this object's own copy."""
        return part_of(self, SCOPEFLOW_EVENT_PART_DATA)

    @property
    def data_schema(self):
        """The schema that the data follows, or None."""
        return part_of(self, SCOPEFLOW_EVENT_PART_LINE).get("data_schema")

    @property
    def metadata(self):
        """The metadata as plain JSON data, or None; this object's own copy."""
        return part_of(self, SCOPEFLOW_EVENT_PART_METADATA)

    @property
    def annotated_request(self):
        """The annotated form of an LLM request, an AnnotatedLLMRequest, or None (S2.8)."""
        return annotation_of(self, "annotated_request")

    @property
    def annotated_response(self):
        """The annotated form of an LLM response, an AnnotatedLLMResponse, or None (S2.8)."""
        return annotation_of(self, "annotated_response")

    @property
    def line_number(self):
        """Its line in the file that it was read from, the first being 1; None for any other."""
        return None if self.line is None else self.line.number

    def to_json(self):
        """The event as one line of ATOF, without a line end; of a file, the line as it stands.

        >>> with testing.capture() as events:
        ...     scope.event("cache miss")
        >>> events[0].to_json()[:40]
        '{"kind":"mark","atof_version":"0.1","par'
        """
        return part_text(self, SCOPEFLOW_EVENT_PART_LINE)

    def to_dict(self):
        """The event as a new dict, its keys in the order of the format.

        >>> with testing.capture() as events:
        ...     scope.event("cache miss", data={"key": "weather"})
        >>> events[0].to_dict()["data"]
        {'key': 'weather'}
        """
        return decode_json(part_text(self, SCOPEFLOW_EVENT_PART_LINE))


@cython.final
cdef class ScopeEvent(Event):
    """The start or the end of a scope or managed call.

    >>> with testing.capture() as events, scope.scope("plan", ScopeType.Agent):
    ...     pass
    >>> start, end = events
    >>> start
    <ScopeEvent start of agent 'plan' ...>
    >>> start.uuid == end.uuid, start.category, end.scope_category
    (True, 'agent', 'end')
    """

    @property
    def attributes(self):
        """The names of its labels, a list."""
        return part_of(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES)

    def __repr__(self):
        return f"<ScopeEvent {self.scope_category} of {self.category} {self.name!r} {self.uuid}>"


@cython.final
cdef class MarkEvent(Event):
    """Something that happened at one moment.

    >>> with testing.capture() as events:
    ...     scope.event("disk full", severity=LogSeverity.Error)
    >>> mark = events[0]
    >>> mark
    <MarkEvent 'disk full' ...>
    >>> mark.severity
    LogSeverity.Error
    """

    @property
    def severity(self):
        """How grave it is, a LogSeverity, or None where the metadata says none."""
        return severity_of(self.metadata)

    def __repr__(self):
        return f"<MarkEvent {self.name!r} {self.uuid}>"


cdef Event make_event(scopeflow_event *pointer):
    """An object for one subscriber; it holds a reference of its own."""
    cdef scopeflow_event_info info
    cdef scopeflow_error error
    cdef Event event
    if scopeflow_event_describe(pointer, &info, &error) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    if info.kind == SCOPEFLOW_EVENT_KIND_SCOPE:
        event = ScopeEvent.__new__(ScopeEvent)
    else:
        event = MarkEvent.__new__(MarkEvent)
    event.pointer = scopeflow_event_retain(pointer)
    event.info = info
    return event


cdef part_text(Event self, scopeflow_event_part part):
    cdef scopeflow_bytes text
    cdef scopeflow_error error
    if self.line is not None:
        return text_of(self.line.parts[<int>part])
    if scopeflow_event_json(self.pointer, part, &text, &error) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    return text_of(text)


cdef part_of(Event self, scopeflow_event_part part):
    """Decoded once, so that the same object comes out at every look."""
    if self.parts is None:
        self.parts = {}
    if part not in self.parts:
        self.parts[part] = decode_json(part_text(self, part))
    return self.parts[part]


cdef annotation_of(Event self, str key):
    """Made once, so that the same object comes out at every look."""
    if self.parts is None or key not in self.parts:
        profile = self.category_profile
        found = profile.get(key) if isinstance(profile, dict) else None
        if isinstance(found, dict):
            from scopeflow import codecs
            of_class = codecs.AnnotatedLLMRequest
            if key == "annotated_response":
                of_class = codecs.AnnotatedLLMResponse
            found = of_class.from_dict(found)
        self.parts[key] = found
    return self.parts[key]


cdef decode_json(text):
    import json  # Only who looks at a payload pays for it.
    try:
        return json.loads(text)
    except ValueError:
        # Only a file has such integers: of more digits than Python converts.
        return json.loads(text, parse_int=wide_integer)


def wide_integer(digits):
    """As S2.6 writes an integer that the reader might not have."""
    try:
        return int(digits)
    except ValueError:
        return {"$integer": digits}


# --- Time ---


cdef enum:
    NS_PER_SECOND = 1_000_000_000


cdef str timestamp_text(int64_t nanoseconds):
    seconds, fraction = divmod(nanoseconds, NS_PER_SECOND)
    return f"{moment_of(seconds * NS_PER_SECOND):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


cdef moment_of(nanoseconds):
    """An aware datetime; exact to the microsecond, which float arithmetic would not be."""
    import datetime  # Only who asks for a datetime pays for it.
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return epoch + datetime.timedelta(microseconds=nanoseconds // NS_PER_US)

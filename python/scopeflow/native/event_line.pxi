# Events as they stand in a file: what the core's reader says of a line, kept beyond its next call.

@cython.final
cdef class EventLine:
    """A line of an event file that was read, and where its parts stand in it."""

    cdef uint64_t number
    cdef bytes text
    # With escapes these stand decoded elsewhere than in the line.
    cdef bytes name
    cdef bytes category
    cdef bint has_parent
    # Indexed by EventPart number; into `text`.
    cdef scopeflow_bytes parts[5]


glue_forbid_instances(<PyTypeObject *>EventLine)


def read_event(reader):
    """What comes next of an AtofReader: an event itself, or the AtofItem of whatever else it is."""
    cdef scopeflow_atof_item item
    cdef scopeflow_error error
    handle_argument(reader, AtofReader, "reader")
    if scopeflow_atof_reader_next((<AtofReader>reader).pointer, &item, &error) != (
        SCOPEFLOW_STATUS_OK
    ):
        raise_failure(&error)
    if item.item != SCOPEFLOW_ATOF_ITEM_KIND_EVENT:
        return make_atof_item(&item)
    return make_read_event(&item)


cdef Event make_read_event(const scopeflow_atof_item *item):
    cdef Event event
    if item.kind == SCOPEFLOW_EVENT_KIND_SCOPE:
        event = ScopeEvent.__new__(ScopeEvent)
    else:
        event = MarkEvent.__new__(MarkEvent)
    event.line = make_event_line(item)
    event.info.uuid = item.uuid
    event.info.parent_uuid = item.parent_uuid
    event.info.timestamp_ns = item.timestamp_ns
    event.info.kind = item.kind
    event.info.scope_category = item.scope_category
    event.info.name = view_of(event.line.name)
    event.info.category = view_of(event.line.category)
    return event


cdef EventLine make_event_line(const scopeflow_atof_item *item):
    cdef EventLine line = EventLine.__new__(EventLine)
    line.number = item.line_number
    line.text = bytes_of(item.line)
    line.name = bytes_of(item.name)
    line.category = bytes_of(item.category)
    line.has_parent = item.has_parent != 0
    line.parts[<int>SCOPEFLOW_EVENT_PART_LINE] = view_of(line.text)
    line.parts[<int>SCOPEFLOW_EVENT_PART_DATA] = moved(item.data, item, line)
    line.parts[<int>SCOPEFLOW_EVENT_PART_METADATA] = moved(item.metadata, item, line)
    line.parts[<int>SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE] = moved(
        item.category_profile, item, line
    )
    line.parts[<int>SCOPEFLOW_EVENT_PART_ATTRIBUTES] = moved_attributes(item, line)
    return line


cdef scopeflow_bytes view_of(bytes text):
    cdef scopeflow_bytes view
    view.ptr = text
    view.len = len(text)
    return view


cdef scopeflow_bytes moved(
    scopeflow_bytes part, const scopeflow_atof_item *item, EventLine line,
):
    """The same part of the line's own copy; what is missing is null."""
    if part.len == 0:
        return view_of(NULL_JSON)
    part.ptr = <const char *>line.text + (part.ptr - item.line.ptr)
    return part


cdef scopeflow_bytes moved_attributes(const scopeflow_atof_item *item, EventLine line):
    """Null is no label, too."""
    if item.attributes.len == 0 or item.attributes.ptr[0] == c"n":
        return view_of(EMPTY_JSON_ARRAY)
    return moved(item.attributes, item, line)


cdef bytes NULL_JSON = b"null"
cdef bytes EMPTY_JSON_ARRAY = b"[]"

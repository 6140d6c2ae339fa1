# How grave a mark is, under the name that the peers have for it in a mark's metadata.

cdef str SEVERITY_KEY = "nemo_relay.log.severity"


class LogSeverity(Enumeration, metaclass=EnumerationType):
    """How grave a mark is.

    >>> with testing.capture() as events:
    ...     scope.event("disk full", severity=LogSeverity.Error)
    >>> events.find("disk full").severity
    LogSeverity.Error
    """

    __slots__ = ()


add_members(LogSeverity, (("Trace", 0), ("Debug", 1), ("Info", 2), ("Warn", 3), ("Error", 4)))

cdef dict SEVERITIES = {member.name.lower(): member for member in LogSeverity}
SEVERITIES["warning"] = LogSeverity.Warn


cdef with_severity(metadata, severity):
    """The metadata of a mark with its severity; an object of its own."""
    if type(severity) is not LogSeverity:
        raise wrong_type("severity", "LogSeverity", severity)
    if metadata is not None and not isinstance(metadata, dict):
        raise InvalidArgument(
            "invalid argument: a mark with a severity needs metadata that is a dict, not "
            f"{type(metadata).__name__}"
        )
    marked = {} if metadata is None else dict(metadata)
    marked[SEVERITY_KEY] = (<Enumeration>severity).name.lower()
    return marked


cdef severity_of(metadata):
    """None where the metadata says none, or none that is known."""
    told = metadata.get(SEVERITY_KEY) if isinstance(metadata, dict) else None
    return SEVERITIES.get(told.strip().lower()) if isinstance(told, str) else None

# What is registered, as a list (S3.3).


@cython.final
cdef class RegistrationInfo:
    """A registration as `Runtime.registrations` lists it.

    kind: The name of its registry, such as `tool_request_intercept`.
    name: The name under which it was registered.
    priority: Lower comes first; 0 for subscribers and gates, which have none.
    breaks_chain: Of a request intercept: no later one runs after it.
    target: Of a gate: the name of the registration that it is about, otherwise None.
    target_kinds: Of a gate: the names of the registries that it is about, otherwise empty.

    >>> intercepts.register_tool_request("with-tenant", 10, True, lambda name, args: args)
    >>> info = default_runtime.registrations()[0]
    >>> info
    RegistrationInfo(kind='tool_request_intercept', name='with-tenant', priority=10)
    >>> info.breaks_chain
    True
    """

    cdef readonly str kind
    cdef readonly str name
    cdef readonly int32_t priority
    cdef readonly bint breaks_chain
    cdef readonly str target
    cdef readonly frozenset target_kinds

    def __repr__(self):
        return describe_fields(self, ("kind", "name", "priority"))


glue_forbid_instances(<PyTypeObject *>RegistrationInfo)


cdef RegistrationInfo make_registration_info(const scopeflow_registration_info *source):
    cdef RegistrationInfo made = RegistrationInfo.__new__(RegistrationInfo)
    made.kind = REGISTRIES[source.registry][0]
    made.name = text_of(source.name)
    made.priority = source.priority
    made.breaks_chain = source.breaks_chain
    made.target = text_of(source.target) if source.target.len > 0 else None
    made.target_kinds = frozenset(kinds_of(source.kinds))
    return made


cdef list read_registrations(scopeflow_registration_list *registrations):
    cdef scopeflow_registration_info info
    cdef scopeflow_error error
    found = []
    while True:
        if scopeflow_registration_list_read(
            registrations, <uint32_t>len(found), &info, &error
        ) != SCOPEFLOW_STATUS_OK:
            raise_failure(&error)
        if info.name.len == 0:
            return found
        found.append(make_registration_info(&info))


cdef list list_registrations(scopeflow_runtime *runtime, scopeflow_scope *owner):
    cdef scopeflow_registration_list_new_options options
    cdef scopeflow_registration_list *registrations
    cdef scopeflow_error error
    options.struct_size_bytes = sizeof(options)
    options.runtime = runtime
    options.owner = owner
    if scopeflow_registration_list_new(&options, &registrations, &error) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    try:
        return read_registrations(registrations)
    finally:
        scopeflow_registration_list_free(registrations)

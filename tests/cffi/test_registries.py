"""Every registry, on a runtime and on a scope: what is registered is listed, seen, given back."""

from __future__ import annotations

import pytest
from host import Failed

GATE = "conditional_middleware_guardrail"


def registries(library) -> list[str]:
    """From the names of the header's functions."""
    start = "scopeflow_register_"
    found = sorted(f.removeprefix(start) for f in library.functions if f.startswith(start))
    assert len(found) > 10
    return found


def register(host, registry: str, name: str, on) -> None:
    """A gate stands before the registrations of a name; subscribers have no order."""
    if registry != GATE:
        priority = None if registry == "subscriber" else 5
        host.register(registry, name, len, on=on, priority=priority)
        return
    prefix, owner = ("register_", host.runtime) if on is None else ("scope_register_", on)
    ref = host.give(len)
    try:
        host.call(prefix + registry, owner, *host.texts(name), 1, *host.texts("length"), ref, 0)
    except Failed:
        host.release(ref)
        raise


def deregister(host, registry: str, name: str, on) -> bool:
    prefix, owner = ("deregister_", host.runtime) if on is None else ("scope_deregister_", on)
    return bool(host.read(prefix + registry, "uint32_t", owner, *host.texts(name)))


@pytest.mark.parametrize("is_local", [False, True], ids=["runtime", "scope"])
def test_every_registry(host, library, is_local):
    scope = host.read("scope_new_root", "scopeflow_scope *", host.runtime)
    on = scope if is_local else None
    for registry in registries(library):
        register(host, registry, "length", on)
        with pytest.raises(Failed) as failure:
            register(host, registry, "length", on)
        assert failure.value.status == "already_exists", registry

    assert sorted(listed(host, on)) == registries(library)
    assert visited(host, on) == [len] * len(registries(library))

    for registry in registries(library):
        assert deregister(host, registry, "length", on), registry
        assert not deregister(host, registry, "length", on), registry
    assert listed(host, on) == []
    host.lib.scopeflow_scope_release(scope)


def visited(host, on) -> list:
    """What a garbage collector is told of."""
    what = "runtime" if on is None else "scope"
    found: list = []
    while ref := host.read(f"{what}_callable_at", "scopeflow_ref", on or host.runtime, len(found)):
        found.append(host.objects[ref])
    return found


def listed(host, on) -> list[str]:
    lib = host.lib
    numbers = {getattr(lib, f"SCOPEFLOW_REGISTRY_{r.upper()}"): r for r in registries(lib)}
    held = host.make("registration_list_new", runtime=host.runtime, owner=on or host.ffi.NULL)
    found = []
    while True:
        info = host.read("registration_list_read", "scopeflow_registration_info", held, len(found))
        if info.name.len == 0:
            break
        assert host.text_of(info.name) == "length"
        found.append(numbers[info.registry])
    lib.scopeflow_registration_list_free(held)
    return found


def test_what_is_registered_goes_with_its_owner(host):
    """Nothing is deregistered: the fixture finds every reference released all the same."""
    scope = host.push("agent")
    host.register("tool_request_intercept", "a", len)
    host.register("tool_request_intercept", "b", len, on=scope)
    host.pop(scope)
    host.lib.scopeflow_scope_release(scope)


def test_a_list_keeps_what_it_shows(host):
    host.register("tool_request_intercept", "a", len)
    held = host.make("registration_list_new", runtime=host.runtime)
    assert deregister(host, "tool_request_intercept", "a", None)
    assert list(host.objects.values()) == [len]
    host.lib.scopeflow_registration_list_free(held)
    assert host.objects == {}

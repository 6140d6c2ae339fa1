"""Who breaks a rule of ownership is found out by AddressSanitizer, in the first wrong call.

For the library of the `asan` preset only. Each mistake is made in a child process.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(
    "SCOPEFLOW_WITH_ASAN" not in os.environ, reason="the library is not built with a sanitizer"
)


def last_words(work: Callable[[], object]) -> str:
    """What a child that does the work says before it dies; nothing if it lives."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 2)
        work()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    assert (said == "") == (status == 0), said
    return said


def ended(host):
    scope = host.push("agent")
    host.pop(scope)
    host.lib.scopeflow_scope_release(scope)
    return scope


def test_a_scope_after_its_last_reference(host):
    scope = ended(host)
    assert "heap-use-after-free" in last_words(lambda: host.lib.scopeflow_scope_is_open(scope))


def test_a_scope_that_is_released_twice(host):
    scope = ended(host)
    assert "heap-use-after-free" in last_words(lambda: host.lib.scopeflow_scope_release(scope))


def test_an_event_that_nobody_retained(host):
    events: list = []
    host.register("subscriber", "careless", events.append, priority=None)
    host.run("scope_event", name="gone")
    assert "heap-use-after-free" in last_words(lambda: host.event(events[0]))


def test_a_text_that_was_borrowed(host):
    """The name of a scope, once nobody holds the scope."""
    scope = host.push("a name that is long enough to be anywhere at all" * 9)
    name = host.read("scope_describe", "scopeflow_scope_info", scope).name
    host.pop(scope)
    host.lib.scopeflow_scope_release(scope)
    assert "heap-use-after-free" in last_words(lambda: host.text_of(name))


@pytest.mark.parametrize("kind", ["registration_list", "atof_reader"])
def test_what_is_freed_twice(host, kind):
    thing = host.make(f"{kind}_new", runtime=host.runtime)
    free = getattr(host.lib, f"scopeflow_{kind}_free")
    free(thing)
    found = last_words(lambda: free(thing))
    assert "heap-use-after-free" in found or "double-free" in found


def test_a_runtime_after_its_end(host):
    def work():
        host.lib.scopeflow_runtime_free(host.runtime)
        host.read("runtime_read_stats", "scopeflow_runtime_stats", host.runtime)

    assert "heap-use-after-free" in last_words(work)


def test_who_keeps_to_the_rules_lives(host):
    scope = host.push("agent")
    assert last_words(lambda: host.lib.scopeflow_scope_release(scope)) == ""
    host.pop(scope)
    host.lib.scopeflow_scope_release(scope)

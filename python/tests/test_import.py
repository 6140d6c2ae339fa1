"""Importing scopeflow is light, starts nothing, and finds what it was generated for."""

from __future__ import annotations

import inspect
import subprocess
import sys

import scopeflow
from scopeflow import _native, tools

HEAVY = ("asyncio", "inspect", "dataclasses", "logging", "typing", "enum", "json", "datetime", "re")


def modules_after(statement):
    """What a bare interpreter has loaded after the statement."""
    program = f"{statement}\nimport sys, threading\nprint(threading.active_count(), *sys.modules)"
    flags = ["-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"]
    done = subprocess.run([sys.executable, *flags], capture_output=True, text=True, check=True)
    threads, *names = done.stdout.split()
    assert threads == "1"
    return set(names)


def test_importing_loads_no_heavy_module():
    added = modules_after("import scopeflow") - modules_after("pass")
    assert added & set(HEAVY) == set()
    assert len(added) < 20, sorted(added)


def test_using_it_without_looking_loads_none_either():
    added = modules_after(
        "from scopeflow import ScopeType, scope, subscribers, tools, guardrails\n"
        "subscribers.register('s', lambda event: (event.name, event.to_json()))\n"
        "guardrails.register_tool_conditional_execution('g', 1, lambda name, args: None)\n"
        "with scope.scope('a', ScopeType.Agent, input={'a': [1, None]}):\n"
        "    tools.execute_sync('t', {'q': 1}, str)\n"
    ) - modules_after("pass")
    assert added & set(HEAVY) == set()


def test_the_version_is_the_cores():
    assert scopeflow.__version__ == _native.__version__
    assert scopeflow.__version__.count(".") == 2


def test_everything_public_is_there():
    for name in scopeflow.__all__:
        assert hasattr(scopeflow, name), name
    for module in (scopeflow.scope, tools, scopeflow.guardrails, scopeflow.subscribers):
        for name in module.__all__:
            function = getattr(module, name)
            assert callable(function) and function.__doc__, f"{module.__name__}.{name}"


def test_functions_tell_their_signature():
    assert str(inspect.signature(tools.execute)) == (
        "(name, args, func, *, handle=None, attributes=None, data=None, metadata=None, "
        "tool_call_id=None, timestamp=None)"
    )
    assert list(inspect.signature(scopeflow.scope.push).parameters)[:2] == ["name", "scope_type"]
    assert "InvalidArgument" in scopeflow.scope.push.__doc__

"""Calls what the walk added, from Python."""

import scopeflow


def look(name, request):
    return None


runtime = scopeflow.Runtime()
outer = runtime.scope_push("outer", scopeflow.ScopeType.Agent)
inner = runtime.scope_push("inner", scopeflow.ScopeType.Agent)
assert (runtime.scope_depth(outer), runtime.scope_depth(inner)) == (1, 2)

runtime.register_tool_auditor("auditor", 1, look)
try:
    runtime.register_tool_auditor("auditor", 2, look)
except scopeflow.AlreadyExists as error:
    assert "auditor" in str(error)
else:
    raise AssertionError("a second registration of a name is refused")
assert runtime.deregister_tool_auditor("auditor") is True
assert runtime.deregister_tool_auditor("auditor") is False

runtime.scope_register_tool_auditor(inner, "auditor", 1, look)
assert runtime.scope_deregister_tool_auditor(inner, "auditor") is True
print("Python: the new operation and the new registry answer")

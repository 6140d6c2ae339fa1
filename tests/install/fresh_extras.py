"""Run by `fresh.py` with pytest where the wheel is installed with all of its extras."""

import io

import pydantic

from scopeflow import subscribers, tools, typed


class Args(pydantic.BaseModel):
    query: str
    limit: int = 10


def test_the_plugin_is_loaded_by_itself(scopeflow_events):
    tools.execute_sync("search", {}, dict)
    assert scopeflow_events.names() == ["start search", "end search"]


def test_rich_shows_a_tree():
    text = io.StringIO()
    with subscribers.console(text, rich=True):
        tools.execute_sync("search", {}, dict)
    assert "search" in text.getvalue()


def test_a_model_passes_through_a_typed_call(scopeflow_events):
    codec, given = typed.PydanticCodec(Args), Args(query="x")
    assert typed.tool_execute_sync("search", given, lambda args: args, codec, codec) is given
    assert scopeflow_events.find("search", phase="start").data == {"query": "x", "limit": 10}

"""What a public object is shows in its repr."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

import scopeflow
from scopeflow import (
    LLMRequest,
    Runtime,
    ScopeType,
    codecs,
    llm,
    metrics,
    scope,
    settings,
    testing,
    typed,
)

# Of these there is no object, or only one of a class that derives from it.
WITHOUT = {
    scopeflow.Event,
    codecs.LlmCodec,
    codecs.LlmResponseCodec,
    metrics.MetricKind,
    metrics.MetricValueType,
}


@dataclass
class Query:
    text: str


def public_classes():
    modules = [scopeflow, *(getattr(scopeflow, name) for name in scopeflow._MODULES)]
    values = [getattr(module, name) for module in modules for name in module.__all__]
    return sorted({v for v in values if inspect.isclass(v)}, key=lambda of: of.__name__)


@pytest.mark.parametrize("of_class", public_classes())
def test_every_class_has_one(of_class):
    assert (of_class.__repr__ is object.__repr__) == (of_class in WITHOUT)


def test_runtimes():
    runtime = Runtime()
    assert repr(runtime) == "<Runtime, 0 registered>"
    runtime.register_subscriber("show", print)
    assert repr(runtime) == "<Runtime, 1 registered>"
    runtime.close()
    assert repr(runtime) == "<Runtime, 1 registered>"
    with testing.isolated() as isolated:
        assert repr(isolated) == "<default Runtime, 0 registered>"


def test_scopes_to_be_entered():
    manager = scope.scope("plan", ScopeType.Agent)
    assert repr(manager) == "<scope 'plan', to be entered>"
    with manager:
        assert repr(manager) == "<scope 'plan', entered>"


def test_stacks():
    manager = scopeflow.use_scope_stack(scopeflow.create_scope_stack())
    assert repr(manager) == "use_scope_stack(<ScopeStack>)"


def test_streams():
    stream = llm.stream_execute_sync("openai", LLMRequest({}, {}), lambda request: iter("ab"))
    assert repr(stream) == "<stream of 'openai'>"
    stream.close()


def test_applied_settings(tmp_path):
    path = str(tmp_path / "run.jsonl")
    with settings.apply(environment={"SCOPEFLOW_ATOF_PATH": path}) as applied:
        assert repr(applied) == f"<applied settings, writing {path!r}>"
    with settings.apply(environment={}) as applied:
        assert repr(applied) == "<applied settings>"


def test_codecs():
    assert repr(typed.JsonPassthrough()) == "JsonPassthrough()"
    assert repr(typed.BestEffortAnyCodec()) == "BestEffortAnyCodec()"
    assert repr(typed.DataclassCodec(Query)) == "DataclassCodec(Query)"
    pydantic = pytest.importorskip("pydantic", reason="its models are of pydantic")
    assert repr(typed.PydanticCodec(pydantic.create_model("Row"))) == "PydanticCodec(Row)"

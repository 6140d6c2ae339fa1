"""Run by `fresh.py` where only the wheel is installed. Writes an event file, prints nothing."""

import asyncio
import importlib
import importlib.metadata
import json
import os
import pkgutil
import sys

import scopeflow
from scopeflow import LLMRequest, ScopeType, llm, scope, subscribers, tools
from scopeflow.atof import AtofExporter, AtofExporterConfig

EXTRAS = {"console": "rich", "pydantic": "pydantic", "testing": "pytest"}
# The one module that an extra is needed for, because only pytest imports it.
OF_AN_EXTRA = {"scopeflow._pytest_plugin": "testing"}


def check_place():
    """It is this environment's, whole, and of the version that its metadata says."""
    folder = os.path.dirname(scopeflow.__file__)
    assert os.path.realpath(folder).startswith(os.path.realpath(sys.prefix)), folder
    assert os.path.exists(os.path.join(folder, "py.typed"))
    assert importlib.metadata.version("scopeflow") == scopeflow.__version__


def check_metadata():
    """Nothing is required but by an extra, and each extra brings its package."""
    metadata = importlib.metadata.metadata("scopeflow")
    assert set(metadata.get_all("Provides-Extra")) == set(EXTRAS)
    required = importlib.metadata.requires("scopeflow")
    assert len(required) == len(EXTRAS), required
    for extra, package in EXTRAS.items():
        (line,) = (line for line in required if line.startswith(package))
        marker = line.partition(";")[2].replace("'", '"').strip()
        assert marker == f'extra == "{extra}"', line
    assert metadata["License-Expression"] == "Apache-2.0"
    (license_file,) = (f for f in importlib.metadata.files("scopeflow") if f.name == "LICENSE")
    assert "Apache License" in license_file.read_text()


def check_modules():
    """Every module can be imported; one that an extra is for says which."""
    found = pkgutil.walk_packages(scopeflow.__path__, "scopeflow.")
    names = [module.name for module in found if not module.name.endswith("__main__")]
    assert len(names) > 20, names
    for name in names:
        extra = OF_AN_EXTRA.get(name)
        if extra is None:
            importlib.import_module(name)
        else:
            expect_extra(extra, importlib.import_module, name)


def check_without_extras():
    """What an extra is for says so where it is used, and the rest of its module works."""
    expect_extra("console", subscribers.console, rich=True)
    with open(os.devnull, "w") as nothing, subscribers.console(nothing):
        tools.execute_sync("search", {}, dict)
    with scopeflow.testing.isolated() as runtime, scopeflow.testing.capture(runtime) as events:
        tools.execute_sync("search", {}, dict)
    assert events.names() == ["start search", "end search"]


def expect_extra(extra, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except ImportError as error:
        assert f"pip install scopeflow[{extra}]" in str(error), error
    else:
        raise AssertionError(f"{function} {arguments} {named} needs no {EXTRAS[extra]}")


async def search(query):
    await asyncio.sleep(0)
    return query.upper()


async def words(request):
    for word in request.content["prompt"].split():
        await asyncio.sleep(0)
        yield word


def words_sync(request):
    yield from request.content["prompt"].split()


async def use_asyncio():
    with scope.scope("assistant", ScopeType.Agent):
        assert await tools.execute("search", "scopes", search) == "SCOPES"
        stream = await llm.stream_execute("model", LLMRequest({}, {"prompt": "a b"}), words)
        async with stream as chunks:
            assert [word async for word in chunks] == ["a", "b"]
    await subscribers.flush_async()


def use_no_loop():
    assert tools.execute_sync("search", "twins", str.upper) == "TWINS"
    request = LLMRequest({}, {"prompt": "c d"})
    with llm.stream_execute_sync("model", request, words_sync) as chunks:
        assert list(chunks) == ["c", "d"]


def use_all(path):
    """Calls of all kinds are in the file as soon as it is flushed."""
    config = AtofExporterConfig()
    config.output_directory, config.filename = os.path.split(path)
    exporter = AtofExporter(config)
    exporter.register("file")
    asyncio.run(use_asyncio())
    use_no_loop()
    subscribers.flush()
    with open(path, encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    story = [(e.get("scope_category"), e["name"]) for e in events]
    calls = [(phase, name) for name in ("search", "model") for phase in ("start", "end")]
    assert story == [("start", "assistant"), *calls, ("end", "assistant"), *calls], story
    # What is emitted last is not flushed: it has to be in the file when the process is gone.
    scope.event("last words")


if __name__ == "__main__":
    check_place()
    check_metadata()
    check_modules()
    check_without_extras()
    use_all(sys.argv[1])

"""The package's types: strict, and as the compiled module has them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import scopeflow

pytest.importorskip("mypy", reason="types are checked by mypy")

PACKAGE = Path(scopeflow.__file__).parent
ALLOWED = Path(__file__).with_name("stubtest_allowlist.txt")
USER_CODE = """
import scopeflow
from scopeflow import (
    AnnotatedLLMRequest, LLMRequest, ScopeType, codecs, guardrails, llm, scope, typed
)

@scopeflow.tool
def search(query: str, limit: int = 3) -> list[str]:
    return [query] * limit

@scopeflow.agent
async def agent(goal: str) -> list[str]:
    with scope.scope("step", ScopeType.Function) as handle:
        handle.output = goal
    return search(goal, limit=2)

@scopeflow.llm(model_name="m")
def ask(request: LLMRequest) -> str:
    return str(request.content)

async def main() -> None:
    found: list[str] = await agent("x")
    answer: str = ask(LLMRequest({}, {}))
    given: int = await llm.execute("m", LLMRequest({}, {}), lambda request: 7)
    with guardrails.tool_conditional_execution("g", 1, lambda name, args: None):
        typed.tool_execute_sync("t", 1, str, typed.JsonPassthrough(), typed.JsonPassthrough())
    print(found, answer, given)

def edit(request: AnnotatedLLMRequest) -> str | None:
    request.messages[-1].content = "hello"
    request.messages = [*request.messages, {"role": "user", "content": [{"type": "text"}]}]
    for message in request.messages:
        role: str | None = message.role
        for part in message.content if isinstance(message.content, list) else ():
            part.text = role
    if request.params is not None:
        request.params.max_tokens = 9
    usage = codecs.OpenAIChatCodec().decode_response({"choices": []}).usage
    return None if usage is None or usage.prompt_tokens is None else f"{usage.prompt_tokens + 1}"
"""
WRONG = (
    ("search(7)", "arg-type"),
    ("ask('text')", "arg-type"),
    ("scope.scope('step', 7)", "arg-type"),
    ("scopeflow.nothing", "attr-defined"),
    ("AnnotatedLLMRequest([]).messages[0].rolle", "attr-defined"),
    ("AnnotatedLLMRequest([]).messages[0].role = 7", "assignment"),
)


def run(*arguments, folder):
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent), "MYPY_CACHE_DIR": str(folder)}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("types")


def test_the_package_is_strict(folder):
    code, text = run("mypy", "--strict", "-p", "scopeflow", folder=folder)
    assert code == 0, text


def test_user_code_is_told_what_is_right_and_wrong(folder):
    path = folder / "user_code.py"
    path.write_text(USER_CODE, "utf-8")
    code, text = run("mypy", "--strict", str(path), folder=folder)
    assert code == 0, text
    wrong = "".join(f"{line}\n" for line, _ in WRONG)
    path.write_text(USER_CODE + wrong, "utf-8")
    code, text = run("mypy", "--strict", str(path), folder=folder)
    assert code == 1
    first = USER_CODE.count("\n") + 1
    for number, (line, error) in enumerate(WRONG, first):
        told = [told for told in text.splitlines() if f":{number}: error" in told]
        assert told and any(f"[{error}]" in one for one in told), (line, text)


def test_pyright_is_told_the_same(folder):
    pytest.importorskip("pyright", reason="it is the second checker")
    if shutil.which("node") is None:
        pytest.skip("pyright needs Node")
    path = folder / "for_pyright.py"
    settings = {"extraPaths": [str(PACKAGE.parent)], "typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    wrong = "".join(f"{line}\n" for line, _ in WRONG)
    path.write_text(USER_CODE + wrong, "utf-8")
    _, text = run("pyright", "--outputjson", str(path), folder=folder)
    found = json.loads(text)["generalDiagnostics"]
    lines = {one["range"]["start"]["line"] for one in found if one["severity"] == "error"}
    first = USER_CODE.count("\n")
    assert lines == set(range(first, first + len(WRONG))), found


def test_the_stubs_are_those_of_the_compiled_module(folder):
    code, text = run(
        "mypy.stubtest", "scopeflow._native", "--allowlist", str(ALLOWED), folder=folder
    )
    assert code == 0, text

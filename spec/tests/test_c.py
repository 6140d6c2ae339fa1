"""What target `c` makes compiles, in C and in C++, and says what the platform says."""

from __future__ import annotations

import re
import subprocess

import pytest

from spec.gen.render import render_target, write
from spec.gen.spec import read_api

from .conftest import GOLDEN, ROOT, need

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
DIALECTS = [
    ("cc", ["-x", "c", "-std=c11"]),
    ("cc", ["-x", "c", "-std=c17"]),
    ("c++", ["-x", "c++", "-std=c++17"]),
    ("c++", ["-x", "c++", "-std=c++20"]),
]
# Sizes differ by the width of a pointer and by the alignment of 8-byte integers.
PLATFORMS = ["x86_64-linux-gnu", "aarch64-none-elf", "i386-linux-gnu", "wasm32", "armv7-none-eabi"]


def compile_text(text: str, compiler: str, options: list[str]) -> None:
    need(compiler)
    command = [compiler, *options, *STRICT, "-fsyntax-only", "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module", params=["golden", "real"])
def tree(request, tmp_path_factory):
    """The output of target `c` for the golden spec and for the real one."""
    root = tmp_path_factory.mktemp(request.param)
    spec = {"golden": GOLDEN, "real": ROOT}[request.param] / "spec"
    write(render_target("c", read_api(spec)), root)
    return root


def initialisers(header: str) -> list[str]:
    return re.findall(r"#define (SCOPEFLOW_(\w+)_INIT) ", header)


@pytest.mark.parametrize(("compiler", "options"), DIALECTS)
def test_every_initial_value_is_valid(tree, compiler, options):
    header = (tree / "native/include/scopeflow/scopeflow.h").read_text("utf-8")
    found = initialisers(header)
    structs = re.findall(
        r"^struct (\w+) {\n.*\n    uint32_t struct_size_bytes;", header, re.MULTILINE
    )
    structs.remove("scopeflow_functions")  # Only the library makes one.
    assert len(found) == len(structs) > 0, "every struct with a size has an initial value"
    lines = ['#include "scopeflow/scopeflow.h"', "int main(void) {", "size_t size = 0;"]
    for macro, name in found:
        lines.append(
            f"scopeflow_{name.lower()} {name} = {macro}; size += {name}.struct_size_bytes;"
        )
    lines.append("return size == 0; }")
    include = f"-I{tree / 'native/include'}"
    compile_text("\n".join(lines), compiler, [include, *options])


@pytest.mark.parametrize(("compiler", "options"), DIALECTS)
def test_the_layout_is_as_this_compiler_has_it(tree, compiler, options):
    text = (tree / "tests/abi/layout.gen.c").read_text("utf-8")
    compile_text(text, compiler, [f"-I{tree / 'native/include'}", *options])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_layout_is_as_other_platforms_have_it(tree, platform):
    text = (tree / "tests/abi/layout.gen.c").read_text("utf-8")
    options = [f"--target={platform}", "-ffreestanding", "-x", "c", "-std=c11"]
    compile_text(text, "clang", [f"-I{tree / 'native/include'}", *options])


def test_a_wrong_layout_does_not_compile(tree):
    text = (tree / "tests/abi/layout.gen.c").read_text("utf-8")
    with pytest.raises(AssertionError, match="static assertion failed"):
        compile_text(
            text.replace("sizeof(scopeflow_error) == ", "sizeof(scopeflow_error) == 1 + "),
            "cc",
            [f"-I{tree / 'native/include'}", "-x", "c", "-std=c11"],
        )


@pytest.mark.parametrize(("compiler", "options"), DIALECTS)
@pytest.mark.parametrize("include", ["base/names.gen.c", "base/checks.gen.h", "api/library.gen.c"])
def test_the_inside_of_the_core_compiles(tree, include, compiler, options):
    folders = [f"-I{tree / 'native/include'}", f"-I{tree / 'native/src'}", f"-I{ROOT}/native/src"]
    compile_text(f'#include "{include}"\n', compiler, [*folders, *options])


def test_the_header_documents_what_an_operation_promises(tree):
    """What, units, ownership, errors, thread: always in that order."""
    header = (tree / "native/include/scopeflow/scopeflow.h").read_text("utf-8")
    order = ["Units: ", "Ownership: ", "Errors: ", "Thread: "]
    comments = re.findall(r"/\* (.*?)\*/\nSCOPEFLOW_API", header, re.DOTALL)
    assert comments
    for text in comments[:-4]:  # The last four ask the library, not an object.
        places = [text.index(f" * {word}") for word in order if f" * {word}" in text]
        assert places == sorted(places) and "Thread: " in text
    assert all(any(word in text for text in comments) for word in order)

"""Each rule of tidy.py catches a planted violation, and leaves alone what only looks like one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import tidy

LONG_C = "static void f(int a) {\n" + "    a++;\n" * 60 + "}"
LONG_GO = "func (r *Runtime) f(a int) {\n" + "\ta++\n" * 60 + "}"
LONG_PY = "def f(a):\n" + "    a += 1\n" * 60

# In pieces, so that this file has none.
LATER = ["TO" + "DO", "FIX" + "ME", "X" * 3]

VIOLATIONS = {
    "a line of 101 columns": ("columns", "spec/a.py", "# " + "x" * 99),
    "a Go line of 121 columns": ("columns", "go/a.go", "//" + "x" * 119),
    "a line too long because of tabs": ("columns", "go/a.go", "\t\t//" + "x" * 111),
    "a file that is too long": ("file-length", "spec/a.py", "a = 1\n" * 901),
    "a C function that is too long": ("function-length", "native/src/json/a.c", LONG_C),
    "a Go function that is too long": ("function-length", "go/a.go", LONG_GO),
    "a Python function that is too long": ("function-length", "spec/a.py", LONG_PY),
    "work put off in C": ("marker", "native/src/json/a.c", f"/* {LATER[0]}: later */"),
    "work put off in Python": ("marker", "spec/a.py", f"a = 1  # {LATER[1]} later"),
    "work put off in TypeScript": ("marker", "node/src/a.ts", f"// {LATER[2]} later"),
    "an arrow that points upwards": ("storey", "native/src/json/a.c", '#include "event/event.h"'),
    "base that sees json": ("storey", "native/src/base/a.h", '#include "json/write.h"'),
    "value that sees json": ("storey", "native/src/value/a.c", '#include "json/write.h"'),
    "the domain that sees api": ("storey", "native/src/scope/a.c", '#include "api/a.h"'),
    "host that sees more than base": ("storey", "native/src/host/a.c", '#include "event/event.h"'),
    "the core that sees host": ("storey", "native/src/event/a.c", '#include "host/file.h"'),
    "a system header": ("storey", "native/src/json/a.c", "#include <time.h>"),
    "the C library's memory": ("storey", "native/src/json/a.c", "#include <stdlib.h>"),
    "strtod": ("banned", "native/src/json/a.c", "    double d = strtod(text, NULL);"),
    "snprintf": ("banned", "native/src/event/a.c", "    snprintf(to, 3, text);"),
    "printf in the host's folder": ("banned", "native/src/host/a.c", "    printf(text);"),
    "malloc": ("banned", "native/src/scope/a.c", "    void *p = malloc(3);"),
    "free": ("banned", "native/src/scope/a.c", "    free (p);"),
    "the wall clock": ("banned", "native/src/scope/a.c", "    now = time(NULL);"),
    "errno": ("banned", "native/src/scope/a.c", "    if (errno != 0) return;"),
    "a thread's variable": ("banned", "native/src/scope/a.c", "    _Thread_local int x;"),
    "a global variable": ("global-state", "native/src/scope/a.c", "static int counter;"),
    "a table that can change": ("global-state", "native/src/scope/a.c", "static char t[] = {1};"),
    "a binding that looks inside": ("binding-includes", "node/src/a.c", '#include "json/write.h"'),
    "a binding that reaches over": (
        "binding-includes", "python/scopeflow/a.h", '#include "../../native/src/base/base.h"',
    ),
    "an event built in Python": (
        "binding-logic", "python/scopeflow/a.py", 'event = {"category_profile": None}',
    ),
    "metadata built in Go": ("binding-logic", "go/a.go", 'm["otel.status_code"] = "OK"'),
    "metadata built in TypeScript": (
        "binding-logic", "node/src/a.ts", "const m = {'scope.detached_from': id}",
    ),
    "a refusal built in Python": (
        "binding-logic", "python/scopeflow/a.pyx", 'd["rejection_reason"] = reason',
    ),
    "an order by priority in Python": (
        "binding-logic", "python/scopeflow/a.py", "guards.sort(key=lambda g: g.priority)",
    ),
    "an order by priority in Go": (
        "binding-logic", "go/a.go", "sort.Slice(g, func(i, j int) bool { return g[i].priority",
    ),
    "a comparison of priorities": ("binding-logic", "node/src/a.ts", "if (a.priority < b) swap()"),
}  # fmt: skip

INNOCENTS = {
    "100 columns": ("spec/a.py", "# " + "x" * 98),
    "120 columns of Go": ("go/a.go", "//" + "x" * 118),
    "a long table in a Go test": ("go/a_test.go", LONG_GO),
    "a short function": ("native/src/json/a.c", "static int f(int a) {\n    return a;\n}"),
    "work with an issue": ("spec/a.py", "a = 1  # TODO (#12): later"),
    "a word that is no marker": ("spec/a.py", 'text = "no TODO here"'),
    "an arrow that points downwards": ("native/src/event/a.c", '#include "json/write.h"'),
    "siblings": ("native/src/pipeline/a.c", '#include "event/event.h"'),
    "the public header": ("native/src/base/a.h", '#include "scopeflow/scopeflow.h"'),
    "the default allocator": ("native/src/base/memory.c", "#include <stdlib.h>\n  free(block);"),
    "the system's clock in host": ("native/src/host/a.c", "#include <time.h>\n    t = time(NULL);"),
    "a banned name in a comment": ("native/src/json/a.c", "/* like strtod(), without it */"),
    "a banned name in a text": ("native/src/json/a.c", 'fail("no printf(x)");'),
    "a member called free": ("native/src/json/a.c", "    self->free(context);"),
    "our own function": ("native/src/json/a.c", "    scopeflow__number_free(x);"),
    "a constant table": ("native/src/json/a.c", "static const char t[] = {1};"),
    "a static function": ("native/src/json/a.c", "static void f(int a);"),
    "a binding's own header": (
        "node/src/a.c",
        '#include "glue.h"\n#include <scopeflow/scopeflow.h>',
    ),
    "a folder of a binding": ("wasm/a.h", '#include "../node/native/slots.h"'),
    "a reader of events": ("python/scopeflow/tree.py", 'profile = {"category_profile": None}'),
    "a property of an event": ("python/scopeflow/a.py", 'return self.part("category_profile")'),
    "a test of events": ("go/a_test.go", 'want["otel.status_code"] = "OK"'),
    "a priority that is handed on": ("go/a.go", "return r.register(name, priority, fn)"),
}


def findings(path: str, text: str) -> list[tidy.Finding]:
    return tidy.check([tidy.Source(path, text.splitlines())])


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_is_caught(name: str) -> None:
    rule, path, text = VIOLATIONS[name]
    assert [finding.rule for finding in findings(path, text)] == [rule]


@pytest.mark.parametrize("name", INNOCENTS)
def test_what_only_looks_like_one_is_left_alone(name: str) -> None:
    assert findings(*INNOCENTS[name]) == []


def test_every_rule_has_a_planted_violation() -> None:
    planted = {rule.replace("-", "_") for rule, _, _ in VIOLATIONS.values()}
    names = {rule.__name__ for rule in tidy.RULES}
    same = {"markers": "marker", "storeys": "storey"}
    assert {same.get(name, name) for name in names} == planted


def test_headers_that_include_each_other_are_caught() -> None:
    sources = [
        tidy.Source("native/src/scope/a.h", ['#include "event/b.h"']),
        tidy.Source("native/src/event/b.h", ['#include "scope/a.h"']),
    ]
    assert [finding.rule for finding in tidy.check(sources)] == ["header-cycle"]


def test_a_finding_names_the_file_the_line_and_the_replacement() -> None:
    (finding,) = findings("native/src/json/a.c", "int a;\n    x = malloc(1);")
    assert str(finding) == (
        "native/src/json/a.c:2: banned: malloc: use scopeflow__allocate: memory is the host's"
    )


def test_the_files_of_a_tree_are_read_without_the_generated_ones(tmp_path: Path) -> None:
    for path, text in {
        "a.c": "int a;\n",
        "b.c": "/* Code generated by spec/gen from spec/api. DO NOT EDIT. */\n",
        "c.gen.h": "int c;\n",
        "d.txt": "x\n",
        "ignored/e.c": "int e;\n",
        ".gitignore": "ignored/\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert [source.path for source in tidy.read_sources(tmp_path)] == ["a.c"]

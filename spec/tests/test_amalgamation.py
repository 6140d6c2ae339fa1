"""The core as two files: the command's and the Go module's are the same, and need only Python."""

from __future__ import annotations

import subprocess
import sys

from spec import amalgamation
from spec.gen.render import tidy

from .conftest import ROOT

HEADER = "native/include/scopeflow/scopeflow.h"


def test_the_command_writes_what_the_go_module_carries(tmp_path):
    """`-S` leaves out the packages of others: whoever runs it has none."""
    command = [sys.executable, "-S", "-m", "spec.amalgamation", str(tmp_path / "new")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    written = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    assert written == {
        "scopeflow.h": (ROOT / "go/scopeflow.h").read_bytes(),
        "scopeflow.c": (ROOT / "go/scopeflow_amalgamation.c").read_bytes(),
    }


def test_every_source_of_the_core_is_in_it_once():
    text = amalgamation.source()
    for path in sorted((ROOT / "native/src").rglob("*.[ch]")):
        title = (
            f"/* {'-' * 20} src/{path.relative_to(ROOT / 'native/src').as_posix()} {'-' * 20} */"
        )
        assert text.count(title) == 1, path.name


def test_it_is_as_tidy_as_what_templates_make():
    assert tidy(amalgamation.source()) == amalgamation.source()


def test_what_is_just_made_wins_over_what_lies_on_the_disk():
    fresh = {HEADER: "/* fresh */\n", "native/src/base/names.gen.h": "/* newer */\n"}
    assert amalgamation.header(fresh) == "/* fresh */\n"
    assert "/* newer */" in amalgamation.source(fresh)

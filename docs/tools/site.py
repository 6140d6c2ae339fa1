"""Builds the site in FOLDER/html: `python docs/tools/site.py FOLDER`, with an importable package.

Sphinx reads the pages of docs/, the example programs, and pages about the Python package that are
made of its docstrings. A warning is an error: a link that leads nowhere, a page in no table of
contents, a docstring that is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import python_pages
from sphinx.cmd.build import main as run_sphinx

HERE = Path(__file__).parent
DOCS = HERE.parent
ROOT = DOCS.parent


def gather(source: Path) -> None:
    """Puts everything that Sphinx reads into one new folder."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns(HERE.name))
    shutil.copytree(ROOT / "examples" / "python", source / "examples")
    for program in (ROOT / "examples" / "node").glob("*.ts"):
        shutil.copy(program, source / "examples")
    (source / "python").mkdir()
    for name, text in python_pages.pages().items():
        (source / "python" / f"{name}.md").write_text(text, "utf-8")


def build(folder: Path) -> int:
    source, html = folder / "source", folder / "html"
    gather(source)
    os.environ["SCOPEFLOW_VERSION"] = (ROOT / "VERSION").read_text("utf-8").strip()
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--fresh-env", "-c", str(HERE)]
    return run_sphinx([*options, str(source), str(html)])


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]).absolute()))

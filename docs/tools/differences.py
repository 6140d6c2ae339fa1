"""`python docs/tools/differences.py` writes the tables of docs/moving.md, made of the rows of
spec/differences.yaml; with `--check` it writes nothing and fails where the page is stale.

A difference counts only while something shows it: each names vectors of its rule, or tests.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec"
PAGE = ROOT / "docs" / "moving.md"
CHAPTERS = {
    "S1": "Scopes",
    "S2": "Events",
    "S3": "Middleware",
    "S4": "Managed calls",
    "S5": "Subscribers and exporters",
    "S6": "Runtimes",
    "S7": "Errors and hostile input",
}
sys.path.insert(0, str(ROOT))

from spec.gen.loader import load  # noqa: E402


def read_differences() -> dict[str, Any]:
    """What stands in the file. Raises ValueError that says what is wrong with it, and where."""
    document = load(SPEC / "differences.yaml")
    schema = json.loads((SPEC / "schema" / "differences.schema.json").read_text("utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document.data)
    found = [f"{document.where(tuple(error.absolute_path))}: {error.message}" for error in errors]
    rows = document.data.get("differences", [])
    found = found or [
        f"{document.where(('differences', at))}: {text}"
        for at, row in enumerate(rows)
        for text in [*out_of_order(rows, at), *not_shown(row, vector_rules())]
    ]
    if found:
        raise ValueError("\n".join(found))
    return document.data


def vector_rules() -> dict[str, list[str]]:
    """The rules of each vector."""
    files = (SPEC.parent / "tests" / "vectors").glob("*.json")
    cases = [
        case for file in files for case in json.loads(file.read_text("utf-8")).get("cases", [])
    ]
    return {case["id"]: case["rules"] for case in cases}


def out_of_order(rows: list[dict[str, Any]], at: int) -> Iterator[str]:
    if at and place_of(rows[at]) < place_of(rows[at - 1]):
        yield f"{rows[at]['rule']} stands after {rows[at - 1]['rule']}"


def place_of(row: dict[str, Any]) -> list[int]:
    return [int(digits) for digits in re.findall("[0-9]+", row["rule"])]


def not_shown(row: dict[str, Any], rules: dict[str, list[str]]) -> Iterator[str]:
    for name in row["shown_by"]:
        path, _, test = name.partition("::")
        if test:
            if not (ROOT / path).is_file() or not has_test(ROOT / path, test):
                yield f"there is no test {name}"
        elif row["rule"] not in rules.get(name, []):
            yield f"no vector {name} has rule {row['rule']}"


def has_test(file: Path, name: str) -> bool:
    text = file.read_text("utf-8")
    if file.suffix == ".mjs":
        return f'test("{name}"' in text
    return re.search(rf"^(?:async )?def {name}\(", text, re.M) is not None


def tables(rows: list[dict[str, Any]]) -> str:
    """A heading and a table for each chapter of the contract."""
    parts = []
    for chapter, of_chapter in groupby(rows, lambda row: row["rule"].partition(".")[0]):
        parts += [f"### {CHAPTERS[chapter]}", ""]
        parts += ["| rule | NeMo Flow and Relay | scopeflow | moving over |", "|---|---|---|---|"]
        for row in of_chapter:
            cells = (row["rule"], row["peers"], row["here"], row.get("moving", "–"))
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    return "\n".join(parts)


def absence_table(rows: list[dict[str, Any]]) -> str:
    parts = ["| not there | instead |", "|---|---|"]
    for row in rows:
        names = ", ".join(f"`{name}`" for name in row["names"])
        parts.append(f"| {names} | {row['instead']} |")
    return "\n".join([*parts, ""])


def with_tables(page: str, data: dict[str, Any]) -> str:
    """The page with what stands between its comments written anew."""
    made = {"differences": tables(data["differences"]), "absent": absence_table(data["absent"])}
    for name, text in made.items():
        begin, end = f"<!-- {name}: made by docs/tools/differences.py -->\n", f"<!-- /{name} -->"
        before, begins, rest = page.partition(begin)
        _, ends, after = rest.partition(end)
        if not (begins and ends):
            raise ValueError(f"{PAGE.name} has no place for the table `{name}`")
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


def main(arguments: list[str]) -> int:
    page = PAGE.read_text("utf-8")
    try:
        wanted = with_tables(page, read_differences())
    except ValueError as error:
        print(error)
        return 1
    if "--check" in arguments:
        print("as spec/differences.yaml says" if page == wanted else f"{PAGE.name} is stale")
        return 0 if page == wanted else 1
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a JSON Schema cannot say: references, numbers, defaults, and names that collide."""

from __future__ import annotations

from collections.abc import Iterator

from .loader import Document, SpecError
from .names import camel, pascal
from .reserved import RESERVED_ARGUMENT, RESERVED_FIELD

INTEGERS = {
    "i32": (-(2**31), 2**31 - 1),
    "u32": (0, 2**32 - 1),
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
}
OUTCOMES = range(100)
BANDS = {1: "the caller's mistake", 2: "input data", 3: "a resource", 9: "internal"}
# What an operation of a kind must be called on, and whether it must have an `out`.
WITH_OUT = {"constructor", "accessor", "resume"}
WITH_OPTIONS = {"constructor", "task"}
# Their names share one space.
GLOBAL_SECTIONS = ("enums", "flags", "structs", "handles", "values", "callbacks", "constants")


class Checker:
    """Collects every problem, so that one run shows all of them."""

    def __init__(self, documents: list[Document]):
        self.documents = documents
        self.problems: list[str] = []
        self.known = {
            kind: self._names(section)
            for kind, section in [
                ("enum", "enums"), ("flags", "flags"), ("handle", "handles"),
                ("struct", "structs"), ("value", "values"), ("callback", "callbacks"),
            ]
        }  # fmt: skip
        if self._names("registries"):
            self.known["enum"]["registry"] = ((), {})
        self.errors = self._names("errors")
        self.constants = self._names("constants")

    def _names(self, section: str) -> dict[str, tuple]:
        return {
            name: ((document, (section, name)), data)
            for document in self.documents
            for name, data in document.data.get(section, {}).items()
        }

    def problem(self, document: Document, path: tuple, message: str) -> None:
        self.problems.append(f"{document.where(path)}: {message}")

    def run(self) -> None:
        """Raises SpecError with one line for each problem."""
        self.check_unique()
        for document in self.documents:
            self.check_table(document)
            self.check_numbers(document)
            self.check_structs(document)
            self.check_forms(document)
            for path, data in operations_of(document):
                self.check_operation(document, path, data)
        if self.problems:
            raise SpecError("\n".join(self.problems))

    # --- Names -------------------------------------------------------------------------------

    def check_unique(self) -> None:
        """One name means one thing, also after it was spelled for another language."""
        for spell in (str, camel, pascal, lambda name: name.replace("_", "")):
            seen: dict[str, str] = {}
            for document, path, name in self.global_names():
                where = f"`{name}` ({document.where(path)})"
                other = seen.setdefault(spell(name), where)
                if other != where:
                    self.problem(document, path, f"`{name}` would be spelled like {other}")
            if self.problems:
                return  # The other spellings would only repeat it.

    def global_names(self) -> Iterator[tuple[Document, tuple, str]]:
        for document in self.documents:
            data = document.data
            for section in GLOBAL_SECTIONS:
                for name in data.get(section, {}):
                    yield document, (section, name), name
            prefix = data.get("prefix", data["module"])
            for name in data.get("operations", {}):
                yield document, ("operations", name), f"{prefix}_{name}"
            for name in data.get("registries", {}):
                for owner in data.get("registration", {}).get("owners", {}).values():
                    for action in data["registration"]["operations"]:
                        yield document, ("registries", name), f"{owner['prefix']}{action}_{name}"

    # --- Numbers -----------------------------------------------------------------------------

    def check_numbers(self, document: Document) -> None:
        data = document.data
        for name, item in data.get("outcomes", {}).items():
            if item["value"] not in OUTCOMES:
                self.problem(document, ("outcomes", name), "an outcome has a number from 0 to 99")
        for name, item in data.get("errors", {}).items():
            if not 1000 <= item["value"] <= 9999 or item["value"] // 1000 not in BANDS:
                bands = ", ".join(f"{band}xxx {what}" for band, what in BANDS.items())
                self.problem(document, ("errors", name), f"{item['value']} is in no band: {bands}")
        for name, item in data.get("constants", {}).items():
            self.check_in(document, ("constants", name), item["value"], INTEGERS[item["type"]])
        for name, item in data.get("flags", {}).items():
            for bit, value in item["bits"].items():
                if value["value"] & (value["value"] - 1):
                    self.problem(document, ("flags", name, "bits", bit), "a flag is a power of two")
        statuses = {**data.get("outcomes", {}), **data.get("errors", {})}
        self.check_distinct(document, ("errors",), statuses)
        self.check_distinct(document, ("registries",), data.get("registries", {}))
        for section, part in (("enums", "values"), ("flags", "bits")):
            for name, item in data.get(section, {}).items():
                self.check_distinct(document, (section, name, part), item[part])
        if data.get("registries") and "registration" not in data:
            self.problem(document, ("registries",), "registries need a `registration`")
        if "wire" in data and data["wire"]["categories"][5:] not in self.known["enum"]:
            path = ("wire", "categories")
            self.problem(document, path, f"unknown type `{data['wire']['categories']}`")

    def check_distinct(self, document: Document, path: tuple, items: dict) -> None:
        seen: dict[int, str] = {}
        for name, item in items.items():
            other = seen.setdefault(item["value"], name)
            if other != name:
                self.problem(document, (*path, name), f"{item['value']} is already `{other}`")

    def check_in(self, document: Document, path: tuple, value: int, span: tuple) -> None:
        if not span[0] <= value <= span[1]:
            self.problem(document, path, f"{value} is not in {span[0]} to {span[1]}")

    # --- Types and arguments -------------------------------------------------------------------

    def check_type(self, document: Document, path: tuple, text: str) -> bool:
        kind, _, name = text.partition(".")
        if name and name not in self.known[kind]:
            self.problem(document, path, f"unknown type `{text}`")
            return False
        return True

    def check_name(self, document: Document, path: tuple, name: str, reserved: dict) -> None:
        if name in reserved:
            self.problem(document, path, f"`{name}` is a reserved word of {reserved[name]}")

    def check_structs(self, document: Document) -> None:
        for name, struct in document.data.get("structs", {}).items():
            seen = set()
            for i, field in enumerate(struct["fields"]):
                path = ("structs", name, "fields", i)
                self.check_type(document, path, field["type"])
                self.check_name(document, path, field["name"], RESERVED_FIELD)
                self.check_unit(document, path, field)
                if field["name"] in seen:
                    self.problem(document, path, f"a second field `{field['name']}`")
                seen.add(field["name"])
        for name, callback in document.data.get("callbacks", {}).items():
            for i, argument in enumerate(callback["args"]):
                self.check_type(document, ("callbacks", name, "args", i), argument["type"])
        host = document.data.get("host_functions", {"functions": {}})
        for name, function in host["functions"].items():
            for i, argument in enumerate(function["args"]):
                path = ("host_functions", "functions", name, "args", i)
                self.check_type(document, path, argument["type"])

    def check_forms(self, document: Document) -> None:
        forms = document.data.get("codec_forms", {})
        for name, form in forms.items():
            for member, data in form["members"].items():
                _, _, of = data["type"].partition(".")
                if of not in ("", "text", *forms):
                    path = ("codec_forms", name, "members", member)
                    self.problem(document, path, f"unknown form `{of}`")

    def check_table(self, document: Document) -> None:
        known = {
            f"{other.data.get('prefix', other.data['module'])}_{name}"
            for other in self.documents
            for name in other.data.get("operations", {})
        }
        for i, name in enumerate(document.data.get("table", {"functions": []})["functions"]):
            if name not in known:
                self.problem(document, ("table", "functions", i), f"unknown operation `{name}`")

    def check_operation(self, document: Document, path: tuple, data: dict) -> None:
        kind = data["kind"]
        if "on" in data:
            self.check_type(document, (*path, "on"), data["on"])
        elif kind != "constructor":
            self.problem(document, path, f"an operation of kind `{kind}` needs `on`")
        if "out" in data:
            self.check_type(document, (*path, "out"), data["out"]["type"])
        elif kind in WITH_OUT:
            self.problem(document, path, f"an operation of kind `{kind}` needs `out`")
        if "result" in data and kind != "task":
            self.problem(document, (*path, "result"), "only a task has a `result`")
        for i, error in enumerate(data.get("errors", [])):
            if error not in self.errors:
                self.problem(document, (*path, "errors", i), f"unknown error `{error}`")
        reserved = RESERVED_FIELD if kind in WITH_OPTIONS else RESERVED_ARGUMENT
        seen = set()
        for i, argument in enumerate(data.get("arguments", [])):
            at = (*path, "arguments", i)
            self.check_name(document, at, argument["name"], reserved)
            if argument["name"] in seen:
                self.problem(document, at, f"a second argument `{argument['name']}`")
            seen.add(argument["name"])
            if self.check_type(document, at, argument["type"]):
                self.check_argument(document, at, argument)

    def check_argument(self, document: Document, path: tuple, argument: dict) -> None:
        kind = argument["type"].partition(".")[0]
        self.check_unit(document, path, argument)
        span = INTEGERS.get(kind)
        if "range" in argument:
            low, high = argument["range"]
            if span is None:
                self.problem(document, path, f"`{argument['type']}` cannot have a range")
                return
            if low > high:
                self.problem(document, path, f"the range {low} to {high} is empty")
            self.check_in(document, path, low, span)
            self.check_in(document, path, high, span)
            span = (low, high)
        if kind == "timestamp" and "timestamp_none" not in self.constants:
            self.problem(document, path, "a timestamp needs the constant `timestamp_none`")
        if "default" in argument:
            self.check_default(document, path, argument, span)

    def check_default(self, document: Document, path: tuple, argument: dict, span) -> None:
        default = argument["default"]
        kind, _, name = argument["type"].partition(".")
        if argument.get("optional"):
            self.problem(document, path, "an optional argument has no default")
        if kind == "enum":
            values = self.known["enum"][name][1].get("values", {})
            if default not in values:
                self.problem(document, path, f"the default `{default}` is no `{name}`")
        elif kind == "flags":
            mask = sum(bit["value"] for bit in self.known["flags"][name][1]["bits"].values())
            if type(default) is not int or default & ~mask:
                self.problem(document, path, f"the default {default} has bits unknown to `{name}`")
        elif kind == "bool":
            if type(default) is not bool:
                self.problem(document, path, "the default of a bool is true or false")
        elif span is None:
            self.problem(document, path, f"`{argument['type']}` cannot have a default")
        elif type(default) is not int:
            self.problem(document, path, f"the default `{default}` is no integer")
        else:
            self.check_in(document, path, default, span)

    def check_unit(self, document: Document, path: tuple, item: dict) -> None:
        if "unit" in item and item["type"] not in INTEGERS:
            self.problem(document, path, f"`{item['type']}` cannot have a unit")


def operations_of(document: Document) -> Iterator[tuple[tuple, dict]]:
    """The operations as written, those of `registration` once for each owner."""
    for name, data in document.data.get("operations", {}).items():
        yield ("operations", name), data
    registration = document.data.get("registration", {"owners": {}, "operations": {}})
    for owner in registration["owners"].values():
        for action, data in registration["operations"].items():
            merged = {**data, "kind": "call", "on": owner["on"]}
            yield ("registration", "operations", action), merged


def check(documents: list[Document]) -> None:
    """Raises SpecError naming every problem with its file and line."""
    for document in documents:
        if document.path.stem != document.data["module"]:
            raise SpecError(f"{document.where(('module',))}: the module is not named as its file")
    Checker(documents).run()

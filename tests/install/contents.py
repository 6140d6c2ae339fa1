"""What may be in an sdist and in a wheel, and what has to be. Each function gives complaints."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

SIZE_LIMIT_BYTES = 1_500_000
# For extensions, which are built against the wheel.
HEADER = "scopeflow/include/scopeflow/scopeflow.h"
# What the build reads, beside the single files that pyproject.toml names.
SOURCE_FOLDERS = ("native/include/", "native/src/", "native/cmake/", "python/scopeflow/")
PACKAGE_SUFFIXES = (".py", ".pyi", "/py.typed")
METADATA = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"]
ENTRY_POINT = "PyInit__native"


def sdist_complaints(sdist: Path, repository: Path) -> list[str]:
    """Every source that is under version control, and nothing that is not."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True)
    tracked = {name for name in listing.stdout.decode().split("\0") if name}
    held = sdist_names(sdist)
    wanted = {name for name in tracked if name.startswith(SOURCE_FOLDERS)}
    return [
        *_differences(wanted, held & wanted),
        *(f"stray file: {name}" for name in sorted(held - tracked - {"PKG-INFO"})),
    ]


def wheel_complaints(wheel: Path, sdist: Path) -> list[str]:
    """All modules, stubs and the licence, one extension module, nothing else, and not too large."""
    tag = wheel.name.split("-")[2]
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
        modules = sorted(name for name in held if name.endswith(".so"))
        complaints = list(_differences(_wanted_of_wheel(wheel, sdist), held - set(modules)))
        for name in modules:
            complaints += _module_complaints(name, archive.read(name), tag)
    if len(modules) != 1:
        complaints.append(f"one extension module is expected, not {modules}")
    if "-manylinux_2_" not in wheel.name:
        complaints.append("its name has no manylinux tag")
    size = wheel.stat().st_size
    if size > SIZE_LIMIT_BYTES:
        complaints.append(f"{size:,} bytes are more than {SIZE_LIMIT_BYTES:,}")
    return complaints


def module_size(wheel: Path) -> int:
    with zipfile.ZipFile(wheel) as archive:
        return sum(i.file_size for i in archive.infolist() if i.filename.endswith(".so"))


def sdist_names(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def _wanted_of_wheel(wheel: Path, sdist: Path) -> set[str]:
    package = (name.removeprefix("python/") for name in sdist_names(sdist))
    name, version = wheel.name.split("-")[:2]
    return {
        *(n for n in package if n.startswith("scopeflow/") and n.endswith(PACKAGE_SUFFIXES)),
        HEADER,
        *(f"{name}-{version}.dist-info/{part}" for part in METADATA),
    }


def _differences(wanted: set[str], held: set[str]) -> Iterator[str]:
    yield from (f"missing file: {name}" for name in sorted(wanted - held))
    yield from (f"stray file: {name}" for name in sorted(held - wanted))


def _module_complaints(name: str, content: bytes, tag: str) -> Iterator[str]:
    """A module for this interpreter that shows its entry point only, stripped, with no path of the
    machine that it was built on."""
    if f".cpython-{tag.removeprefix('cp')}-" not in name:
        yield f"{name} is not for {tag}"
    elf = ELFFile(io.BytesIO(content))
    if elf.get_section_by_name(".symtab") is not None:
        yield f"{name} is not stripped"
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            paths = [t for t in section.iter_tags() if t.entry.d_tag in ("DT_RPATH", "DT_RUNPATH")]
            yield from (f"{name} has a search path: {path}" for path in paths)
        elif isinstance(section, SymbolTableSection):
            others = set(_defined(section)) - {ENTRY_POINT}
            yield from (f"{name} exports {symbol}" for symbol in sorted(others))


def _defined(symbols: SymbolTableSection) -> Iterator[str]:
    for symbol in symbols.iter_symbols():
        is_global = symbol.entry.st_info.bind in ("STB_GLOBAL", "STB_WEAK")
        if is_global and symbol.entry.st_shndx != "SHN_UNDEF":
            yield symbol.name

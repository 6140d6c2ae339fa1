"""What does not belong into an sdist or a wheel is found there, and so is what is missing."""

from __future__ import annotations

import _ctypes
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import contents
import pytest

from scopeflow import _native

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
NAME = f"scopeflow-1.0-{TAG}-{TAG}-manylinux_2_34_x86_64.whl"
SOURCES = ["__init__.py", "__init__.pyi", "py.typed", "_native.pyx", "_cli/__init__.py"]
MODULE = Path(_native.__file__).name
INFO = "scopeflow-1.0.dist-info"


@pytest.fixture
def sdist(tmp_path: Path) -> Path:
    path = tmp_path / "scopeflow-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in SOURCES:
            archive.addfile(tarfile.TarInfo(f"scopeflow-1.0/python/scopeflow/{name}"))
    return path


@pytest.fixture
def complaints(tmp_path: Path, sdist: Path) -> Callable[..., list[str]]:
    """Of a wheel that is as it should be but for what is said."""

    def look(
        more: dict[str, bytes] | None = None, less: str | None = None, name: str = NAME
    ) -> list[str]:
        files = {f"scopeflow/{source}": b"" for source in SOURCES if not source.endswith(".pyx")}
        files |= {f"{INFO}/{part}": b"" for part in contents.METADATA}
        files[contents.HEADER] = b""
        files[f"scopeflow/{MODULE}"] = Path(_native.__file__).read_bytes()
        files |= more or {}
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(files.keys() - {less}):
                archive.writestr(path, files[path])
        return contents.wheel_complaints(tmp_path / name, sdist)

    return look


def test_a_good_wheel_passes(complaints):
    assert complaints() == []


@pytest.mark.parametrize(
    "path", ["scopeflow/_native.pyx", "scopeflow/_native.c", "tests/test_a.py", f"{INFO}/notes"]
)
def test_a_stray_file_is_found(complaints, path):
    assert complaints({path: b""}) == [f"stray file: {path}"]


@pytest.mark.parametrize(
    "path",
    [
        "scopeflow/py.typed",
        "scopeflow/__init__.pyi",
        contents.HEADER,
        f"{INFO}/licenses/LICENSE",
    ],
)
def test_a_missing_file_is_found(complaints, path):
    assert complaints(less=path) == [f"missing file: {path}"]


def test_one_module_is_expected(complaints):
    assert complaints(less=f"scopeflow/{MODULE}") == ["one extension module is expected, not []"]


def test_a_module_of_another_python_is_found(complaints):
    assert complaints(name=NAME.replace(f"-{TAG}-", "-cp39-")) == [
        f"scopeflow/{MODULE} is not for cp39"
    ]


def test_a_wheel_for_this_machine_only_is_found(complaints):
    local = NAME.replace("manylinux_2_34", "linux")
    assert complaints(name=local) == ["its name has no manylinux tag"]


def test_a_large_wheel_is_found(complaints):
    large = os.urandom(contents.SIZE_LIMIT_BYTES)
    (complaint,) = complaints({"scopeflow/__init__.py": large})
    assert complaint.endswith("bytes are more than 1,500,000")


def test_another_symbol_is_found(complaints):
    other = Path(_ctypes.__file__).read_bytes()
    found = complaints({f"scopeflow/{MODULE}": other})
    assert f"scopeflow/{MODULE} exports PyInit__ctypes" in found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Has the sources under version control and one file beside them that is not."""
    folder = tmp_path / "repository"
    for name in SOURCES:
        path = folder / "python" / "scopeflow" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    return folder


def add(sdist: Path, name: str) -> None:
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    with tarfile.open(sdist, "w:gz") as archive:
        for kept in [*names, f"scopeflow-1.0/{name}"]:
            archive.addfile(tarfile.TarInfo(kept), io.BytesIO())


def test_a_good_sdist_passes(sdist, repository):
    add(sdist, "PKG-INFO")
    assert contents.sdist_complaints(sdist, repository) == []


def test_what_is_not_under_version_control_is_found(sdist, repository):
    add(sdist, "python/scopeflow/_native.c")
    assert contents.sdist_complaints(sdist, repository) == [
        "stray file: python/scopeflow/_native.c"
    ]


def test_a_source_that_was_left_out_is_found(sdist, repository):
    (repository / "native" / "src").mkdir(parents=True)
    (repository / "native" / "src" / "new.c").touch()
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    assert contents.sdist_complaints(sdist, repository) == ["missing file: native/src/new.c"]

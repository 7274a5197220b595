"""The server's wheel as the extension brings it: small, and the same program."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.lacking import lacking
from tests.vscode.conftest import EXTENSION, ROOT

_SERVER = EXTENSION / "server"
_SOURCE = ROOT / "fanout_server"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_server", EXTENSION / "scripts" / "pack_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pack = _load()


@pytest.mark.parametrize(
    ("source", "lean"),
    [
        ('"""What it is."""\nx = 1\n', '""\nx = 1\n'),
        ('def f():\n    """Long.\n\n    Very.\n    """\n    return 1\n', 'def f():\n    ""\n\n\n\n    return 1\n'),
        ("def f(é='é'): 'doc' # why\n", "def f(é='é'): \"\"\n"),
        ("class A:\n    'doc'; x = 1\n", 'class A:\n    ""; x = 1\n'),
        ('x = "# no comment"  # one\n# two\ny = """\n# text\n"""\n', 'x = "# no comment"\n\ny = """\n# text\n"""\n'),
        ("x = [\n    # why\n    1,\n]\n", "x = [\n\n    1,\n]\n"),
        ('f"""{1} is no docstring"""\nx = "nor this"\n', 'f"""{1} is no docstring"""\nx = "nor this"\n'),
    ],
)
def test_comments_and_docstrings_go_and_lines_stay(source: str, lean: str) -> None:
    assert pack.lean(source) == lean
    assert pack.same(source, lean)


@pytest.mark.parametrize(
    ("one", "other"),
    [("x = 1\n", "x = 2\n"), ("x = 1\n", "\nx = 1\n"), ("x = 1\ny = 2\n", "x = 1; y = 2\n"), ("x = 1\n", "x = 1\n\n")],
)
def test_another_program_is_told_apart(one: str, other: str) -> None:
    assert not pack.same(one, other)


def test_what_would_be_another_program_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a/b\.py would be another program"):
        # Its docstring ends on a line with a statement.
        pack.packed([("a/b.py", b'def f():\n    """one\n    two"""; return 1\n'), ("a.dist-info/RECORD", b"")])


def test_nothing_of_the_server_asks_for_docstrings_or_its_own_source() -> None:
    """But what only developers need, which is left out."""
    asking = re.compile(r"__doc__|\bgetdoc\b|\bgetsource|\bgetcomments\b|\blinecache\b")
    modules = [path for path in _SOURCE.rglob("*.py") if path.is_relative_to(_SOURCE) and path.parent.name != "schema"]
    assert [str(path) for path in modules if asking.search(path.read_text())] == []


def test_the_wheel_that_is_packed_is_the_server_and_can_be_installed(tmp_path: Path) -> None:
    found = sorted(_SERVER.glob("*.whl.br"))
    if not found:
        lacking("The server's wheel is not packed: run 'make vsix'")
    [packed] = found
    wheel = tmp_path / packed.name.removesuffix(".br")
    unpack = "fs.writeFileSync(process.argv[2], zlib.brotliDecompressSync(fs.readFileSync(process.argv[1])))"
    subprocess.run(["node", "-e", unpack, packed, wheel], check=True)
    with zipfile.ZipFile(wheel) as read:
        inside = {name: read.read(name) for name in read.namelist()}
    source = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for path in _SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.parent.name != "schema"
    }
    assert {name for name in inside if ".dist-info/" not in name} == source.keys()
    assert [name for name, data in source.items() if not name.endswith(".py") and inside[name] != data] == []
    modules = [name for name in source if name.endswith(".py")]
    assert [name for name in modules if not pack.same(source[name].decode(), inside[name].decode())] == []
    environment = tmp_path / "environment"
    venv.create(environment)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(environment / "bin" / "python")]
    before = _files(environment)
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", wheel], check=True)
    installed = {path for path in _files(environment) if path.endswith(".py")} - before
    assert len(installed) == len(modules)
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "fanout-server"], check=True)
    assert _files(environment) == before


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_page_of_the_extension_has_no_picture_that_cannot_be_shown() -> None:
    vsix = ROOT / "build" / "fanout.vsix"
    if not vsix.exists():
        lacking("The extension is not packed: run 'make vsix'")
    with zipfile.ZipFile(vsix) as packed:
        page = packed.read("extension/readme.md").decode()
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", page)
    assert [one for one in pictures if not one.startswith("https:")] == []
    source = (EXTENSION / "README.md").read_text()
    assert [line for line in source.splitlines() if line and not line.startswith("![")] == [
        line for line in page.splitlines() if line
    ]

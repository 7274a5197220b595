"""Each code of a finding has a test that raises it and one that does not: tests say so themselves, by markers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from fanout_server import finding_docs

TESTS = Path(__file__).parent
ROOT = TESTS.parent
MARKERS = ("raises_code", "spares_code")
# Of a project's check the codes are its own; of the other families each code has a page, or is no finding of a run.
WANTED = frozenset(code for code in finding_docs._PAGES if not code.endswith("/") or code == "check/")


@frozen
class _Claim:
    marker: str
    code: str
    test: str
    holds: bool
    """Whether the test's source bears it out."""


class _Module:
    """The tests of one file, read and not imported: the guard sees all of them, whichever are run."""

    def __init__(self, path: Path) -> None:
        self._name = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_bytes())
        self._defined: dict[str, ast.stmt] = {}
        self._imported: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._defined[node.name] = node
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fanout_server"):
                self._imported |= {one.asname or one.name: _source(node.module or "", one.name) for one in node.names}

    def claims(self) -> Iterator[_Claim]:
        for name, node in self._defined.items():
            marked = [one for one in ast.walk(node) if _marker(one)]
            inside = {id(one) for call in marked for one in ast.walk(call)}
            texts = [text for one in ast.walk(node) if id(one) not in inside and (text := _text(one))]
            for call in marked:
                for code in filter(None, map(_text, getattr(call, "args", ()))):
                    holds = any(_is_of(code, text) for text in texts)
                    # A test that finds nothing need not name what it does not find, but must look for it.
                    if not holds and _marker(call) == "spares_code":
                        holds = any(f'"{code}"' in source for source in self._used(node))
                    yield _Claim(_marker(call), code, f"{self._name}::{name}", holds)

    def _used(self, test: ast.stmt) -> Iterator[str]:
        """The sources of the project's modules that a test uses, by itself or through helpers beside it."""
        seen: set[str] = set()
        left = [test]
        while left:
            for one in ast.walk(left.pop()):
                if isinstance(one, ast.Name) and one.id not in seen:
                    seen.add(one.id)
                    left += [self._defined[one.id]] if one.id in self._defined else []
        return (self._imported[name] for name in seen if name in self._imported)


def _source(module: str, name: str) -> str:
    """Of the module that is imported, or of the one that something is imported from."""
    folder = ROOT.joinpath(*module.split("."))
    for path in (folder / f"{name}.py", folder / name / "__init__.py", folder.with_suffix(".py")):
        if path.is_file():
            return path.read_text()
    return ""


def _marker(node: ast.AST) -> str:
    """The name of the marker that is called there, or nothing."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MARKERS:
        return node.func.attr
    return ""


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_of(code: str, text: str) -> bool:
    return text.startswith(code) and text != code if code.endswith("/") else text == code


def _claims(folder: Path = TESTS) -> list[_Claim]:
    return [claim for path in sorted(folder.rglob("test_*.py")) for claim in _Module(path).claims()]


def _missing(claims: list[_Claim]) -> Mapping[str, list[str]]:
    return {marker: sorted(WANTED - {one.code for one in claims if one.marker == marker}) for marker in MARKERS}


def test_each_code_has_a_test_that_raises_it_and_one_that_does_not() -> None:
    claims = _claims()
    assert _missing(claims) == {"raises_code": [], "spares_code": []}
    assert sorted({one.code for one in claims} - WANTED) == []


def test_no_marker_claims_what_its_test_does_not_look_for() -> None:
    assert [(one.test, one.marker, one.code) for one in _claims() if not one.holds] == []


def test_a_marker_alone_proves_nothing() -> None:
    module = _Module(TESTS / "review" / "test_checks.py")
    (test,) = ast.parse(
        "@pytest.mark.raises_code('unit/failed', 'unit/no-change')\n"
        "@pytest.mark.spares_code('merge/conflict', 'merge/removed-but-used')\n"
        "def test_it():\n    assert found(removed.find, {}) == ['unit/no-change']\n"
    ).body
    module._defined = {"test_it": test}
    assert {one.code: one.holds for one in module.claims()} == {
        "unit/failed": False,
        "unit/no-change": True,
        "merge/conflict": False,
        "merge/removed-but-used": True,
    }

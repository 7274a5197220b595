"""What source files say that they import, as they write it, in the languages of ``grammars``.

A parser finds the statements, so that nothing in a comment or a text is taken for one; their words are read here. Which
files that means is for others to say, who know which files there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fanout_server.syntax import grammars, parsing

if TYPE_CHECKING:
    from ast_grep_py import SgNode

Said = tuple[str, list[str]]
"""What is imported, and the names that are taken from it (``*`` for all), where the language has such."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTED = re.compile(r"""(["'`])((?:\\.|(?!\1).)*)\1""")
_NAME = re.compile(r"\w+")
_SPACES = re.compile(r"\s+")
_COMMENTS = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
# In these a file can use what another one declares without naming that file.
_BY_NAMES = frozenset({"go", "java", "kotlin", "scala", "csharp", "php"})


def answer(files: list[list[str]]) -> list[dict[str, Any] | None]:
    """For the parsers' process: of each ``[path, text]`` what it ``imports``, and where the language finds others' by
    name what it ``declares`` at its top and in which ``spaces``. ``None`` for what has no grammar.
    """
    return [_of(path, text) for path, text in files]


def _of(path: str, text: str) -> dict[str, Any] | None:
    readings = grammars.readings(path, text)
    if not readings:
        return None
    language = readings[0]
    told: dict[str, Any] = {"language": language, "imports": [], "declares": [], "spaces": []}
    reader = _READERS.get(language)
    if reader is None:
        return told
    # Only here: it is 45 MB that a session may never need.
    from ast_grep_py import SgRoot  # noqa: PLC0415

    kinds, read = reader
    root = SgRoot(_SURROGATE.sub("?", text.removeprefix("\ufeff")), language).root()
    told["imports"] = [said for node in _nodes(root, kinds) for said in read(node)]
    if language in _BY_NAMES:
        found = parsing.find_here(text, (language,), is_header=False)
        told["declares"] = sorted({one.name for one in found if "." not in one.name})
        told["spaces"] = [_squeezed(node) for node in _nodes(root, _SPACES_OF.get(language, ()))]
    return told


def _nodes(root: SgNode, kinds: tuple[str, ...]) -> list[SgNode]:
    if not kinds:
        return []
    rule: Any = {"any": [{"kind": kind} for kind in kinds]}
    return root.find_all({"rule": rule})


_SPACES_OF: Mapping[str, tuple[str, ...]] = {
    "java": ("package_declaration",),
    "kotlin": ("package_header",),
    "scala": ("package_clause",),
    "csharp": ("namespace_declaration", "file_scoped_namespace_declaration"),
    "php": ("namespace_definition",),
}


def _squeezed(node: SgNode) -> str:
    """``a.b`` of ``package a.b;``, of ``namespace a.b { ... }`` and of PHP's with its own mark between."""
    head = re.split(r"[{;\n]", _COMMENTS.sub(" ", node.text()), maxsplit=1)[0]
    return _SPACES.sub("", re.sub(r"^\s*(package|namespace)\b", "", head)).replace("\\", ".")


def _python(node: SgNode) -> Iterator[Said]:
    if node.kind() == "import_statement":
        for one in node.children():
            if one.kind() in {"dotted_name", "aliased_import"}:
                named = one.field("name") if one.kind() == "aliased_import" else one
                if named is not None:
                    yield _SPACES.sub("", named.text()), []
        return
    module = node.field("module_name")
    if module is None:
        return
    names: list[str] = []
    for one in node.children():
        if one.kind() == "wildcard_import":
            names.append("*")
        elif one.range().start.index > module.range().start.index and one.kind() in {"dotted_name", "aliased_import"}:
            named = one.field("name") if one.kind() == "aliased_import" else one
            names += [named.text()] if named is not None else []
    yield _SPACES.sub("", module.text()), names


def _javascript(node: SgNode) -> Iterator[Said]:
    if node.kind() == "call_expression":
        called, given = node.field("function"), node.field("arguments")
        first = next((one for one in given.children() if one.is_named()), None) if given is not None else None
        if called is None or first is None or first.kind() not in {"string", "template_string"}:
            return
        if called.text() in {"require", "import", "require.resolve", "jest.mock", "vi.mock"}:
            yield from ((module, ["*"]) for module in _texts(first))
        return
    source = node.field("source") or next(
        (one.field("source") for one in node.children() if one.kind() == "import_require_clause"), None
    )
    if source is None:
        return
    names: list[str] = []
    for one in _nodes(node, ("import_specifier", "export_specifier")):
        named = one.field("name")
        names += [named.text()] if named is not None else []
    clause = next((one for one in node.children() if one.kind() == "import_clause"), None)
    if clause is not None and any(one.kind() == "identifier" for one in clause.children()):
        names.append("default")
    yield from ((module, names or ["*"]) for module in _texts(source))


def _quoted(node: SgNode) -> Iterator[Said]:
    yield from ((module, []) for module in _texts(node))


def _texts(node: SgNode) -> Iterator[str]:
    yield from (found[2] for found in _QUOTED.finditer(node.text()))


def _rust(node: SgNode) -> Iterator[Said]:
    if node.kind() == "mod_item":
        name = node.field("name")
        if node.field("body") is not None or name is None:
            return
        around = [one.field("name") for one in reversed(list(node.ancestors())) if one.kind() == "mod_item"]
        before = node.prev()
        told = re.search(r'path\s*=\s*"([^"]+)"', before.text()) if before is not None else None
        if told is not None and before is not None and before.kind() == "attribute_item":
            yield f"path:{told[1]}", []
        else:
            yield "mod:" + "/".join([*(one.text() for one in around if one is not None), name.text()]), []
        return
    body = re.sub(r"^.*?\buse\s+", "", _COMMENTS.sub(" ", node.text()), count=1, flags=re.DOTALL).rstrip(" ;\n")
    yield from ((path, []) for path in _flat(re.sub(r"\s+as\s+\w+", "", body), "::"))


def _flat(text: str, between: str) -> Iterator[str]:
    """``a::b``, ``a::c::d`` of ``a::{b, c::d}``."""
    head, opening, rest = _SPACES.sub("", text).partition("{")
    if not opening:
        yield from ([head] if head else [])
        return
    depth, start = 0, 0
    inner = rest[: rest.rindex("}")] if "}" in rest else rest
    for index, letter in enumerate([*inner, ","]):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            yield from (f"{head}{part}" for part in _flat(inner[start:index], between))
            start = index + 1


def _dotted(node: SgNode) -> Iterator[Said]:
    """Java, Kotlin, Scala, C#: ``a.b.C``; ``a.b.*`` where all of a package is meant."""
    text = re.sub(r"^(global\s+)?(import|using)\s+(static\s+)?", "", _COMMENTS.sub(" ", node.text()).strip())
    text = re.sub(r"^\w+\s*=\s*", "", text.split(";")[0])
    text = re.sub(r"\s+as\s+\w+|\s*=>\s*\w+", "", text)
    for one in text.split(",") if "{" not in text else _flat(text, "."):
        path = _SPACES.sub("", one)
        yield re.sub(r"\._$|\.given$", ".*", path), []


def _php(node: SgNode) -> Iterator[Said]:
    if node.kind() != "namespace_use_declaration":
        yield from ((f"file:{module}", []) for module in _texts(node))
        return
    text = re.sub(r"^use\s+((function|const)\s+)?", "", _COMMENTS.sub(" ", node.text()).strip().rstrip(";"))
    text = re.sub(r"\s+as\s+\w+", "", text)
    for one in _flat(text, "\\") if "{" in text else text.split(","):
        yield _SPACES.sub("", one).strip("\\").replace("\\", "."), []


def _include(node: SgNode) -> Iterator[Said]:
    path = node.field("path")
    if path is not None and path.kind() in {"string_literal", "system_lib_string"}:
        yield path.text(), []


def _ruby(node: SgNode) -> Iterator[Said]:
    called = node.field("method")
    how = called.text() if called is not None and node.field("receiver") is None else ""
    if how in {"require", "require_relative", "load", "autoload"} and "#{" not in node.text():
        marked = "relative:" if how == "require_relative" else ""
        yield from ((marked + module, []) for module in _texts(node))


def _lua(node: SgNode) -> Iterator[Said]:
    called = node.field("name")
    if called is not None and called.text() in {"require", "dofile"}:
        yield from ((module, []) for module in _texts(node))


def _bash(node: SgNode) -> Iterator[Said]:
    words = node.text().split()
    if len(words) > 1 and words[0] in {"source", "."} and "$" not in words[1]:
        yield words[1].strip("\"'"), []


_Reader = tuple[tuple[str, ...], Callable[["SgNode"], Iterator[Said]]]
_JS: _Reader = (("import_statement", "export_statement", "call_expression"), _javascript)
_READERS: Mapping[str, _Reader] = {
    "python": (("import_statement", "import_from_statement"), _python),
    "javascript": _JS,
    "typescript": _JS,
    "tsx": _JS,
    "go": (("import_spec",), _quoted),
    "rust": (("mod_item", "use_declaration"), _rust),
    "java": (("import_declaration",), _dotted),
    "kotlin": (("import_header",), _dotted),
    "scala": (("import_declaration",), _dotted),
    "csharp": (("using_directive",), _dotted),
    "c": (("preproc_include",), _include),
    "cpp": (("preproc_include",), _include),
    "ruby": (("call",), _ruby),
    "php": (
        (
            "namespace_use_declaration",
            "require_once_expression",
            "require_expression",
            "include_expression",
            "include_once_expression",
        ),
        _php,
    ),
    "lua": (("function_call",), _lua),
    "bash": (("command",), _bash),
    "dart": (("import_or_export", "part_directive"), _quoted),
    "solidity": (("import_directive",), _quoted),
}

"""Which files import which, among those of a plan, in the languages' own ways to find them."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import rich

from fanout_server.planning import imports as module
from fanout_server.planning.import_files import FileIndex
from fanout_server.planning.imports import Graph, Imports
from fanout_server.planning.texts import Texts
from fanout_server.syntax import imports as syntax
from fanout_server.syntax.errors import TooHard, Unreadable

Edges = Mapping[str, set[str]]


def graph_of(root: Path, files: Mapping[str, str], *, only: tuple[str, ...] | None = None) -> Graph:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    texts = Texts(root)

    def read(path: str) -> str | None:
        try:
            return texts.read(path)
        except Unreadable:
            return None

    index = FileIndex(tuple(sorted(files)), read)
    return Imports(syntax_here).graph(only or tuple(files), index, texts)


def syntax_here(files: list[list[str]]) -> list[dict[str, Any] | None]:
    return syntax.answer(files)


def edges(graph: Graph) -> set[tuple[str, str]]:
    return {(path, goal) for path, goals in graph.edges.items() for goal in goals}


CASES: dict[str, tuple[dict[str, str], set[tuple[str, str]]]] = {
    "python, absolute, relative, and what shadows a module of Python's own": (
        {
            "src/pkg/__init__.py": "",
            "src/pkg/json.py": "import json\n",
            "src/pkg/a.py": "import json\nfrom . import b\nfrom .sub.c import C\n",
            "src/pkg/b.py": "import pkg.sub.c as c\nfrom pkg import json\n",
            "src/pkg/sub/__init__.py": "",
            "src/pkg/sub/c.py": "from ... import outside\nfrom .. import a\n",
            "tests/test_a.py": "from pkg.a import A\nimport helper\n",
            "tests/helper.py": "",
        },
        {
            ("src/pkg/a.py", "src/pkg/b.py"),
            ("src/pkg/a.py", "src/pkg/sub/c.py"),
            ("src/pkg/b.py", "src/pkg/sub/c.py"),
            ("src/pkg/b.py", "src/pkg/json.py"),
            ("src/pkg/sub/c.py", "src/pkg/a.py"),
            ("tests/test_a.py", "src/pkg/a.py"),
            ("tests/test_a.py", "tests/helper.py"),
        },
    ),
    "python, in a namespace and at the top": (
        {
            "a.py": "import ns.b\nfrom ns import c\nfrom __future__ import annotations\n",
            "ns/b.py": "",
            "ns/c.py": "import a\n",
        },
        {("a.py", "ns/b.py"), ("a.py", "ns/c.py"), ("ns/c.py", "a.py")},
    ),
    "typescript, with names as they are built, index files, and a tsconfig with comments": (
        {
            "tsconfig.base.json": '{"compilerOptions": {"paths": {"@lib/*": ["lib/*"], "exact": ["lib/money.ts"]}}}',
            "tsconfig.json": '// ours\n{"extends": "./tsconfig.base.json", "compilerOptions": {"baseUrl": "src",},}\n',
            "src/app.ts": "import './a.js'\nimport {x} from './parts'\nimport '@lib/money'\nimport 'deep/z'\n",
            "src/exact.ts": "import 'exact'\n",
            "src/a.tsx": "import type {Q} from '../outside'\nimport 'react'\n",
            "src/parts/index.ts": "",
            "src/lib/money.ts": "",
            "src/deep/z.ts": "import '..'\n",
            "src/index.ts": "import '../../..'\n",
        },
        {
            ("src/app.ts", "src/a.tsx"),
            ("src/app.ts", "src/parts/index.ts"),
            ("src/app.ts", "src/lib/money.ts"),
            ("src/app.ts", "src/deep/z.ts"),
            ("src/exact.ts", "src/lib/money.ts"),
            ("src/deep/z.ts", "src/index.ts"),
        },
    ),
    "javascript, packages of the workspace": (
        {
            "packages/one/package.json": '{"name": "@w/one"}',
            "packages/one/src/index.js": "",
            "packages/one/deep.js": "",
            "packages/two/main.cjs": "require('@w/one'); require('@w/one/deep'); require('@w/three')\n",
        },
        {
            ("packages/two/main.cjs", "packages/one/src/index.js"),
            ("packages/two/main.cjs", "packages/one/deep.js"),
        },
    ),
    "go, by the names that are mentioned": (
        {
            "go.mod": "module ex.com/m // ours\n\ngo 1.22\n",
            "main.go": 'package main\nimport "ex.com/m/sub"\nfunc main() { sub.Used() }\n',
            "sub/used.go": "package sub\nfunc Used() { helper() }\n",
            "sub/other.go": "package sub\nfunc Other() {}\n",
            "sub/helper.go": "package sub\nfunc helper() {}\n",
        },
        {("main.go", "sub/used.go"), ("sub/used.go", "sub/helper.go")},
    ),
    "rust": (
        {
            "crates/my-lib/Cargo.toml": "[package]\nname = 'my-lib'\n",
            "crates/my-lib/src/lib.rs": "pub mod a;\nmod b;\n",
            "crates/my-lib/src/a.rs": "use super::b::{self, deep::D};\nuse crate::missing::X;\n",
            "crates/my-lib/src/b/mod.rs": "pub mod deep;\n",
            "crates/my-lib/src/b/deep.rs": "use crate::a::Thing;\nuse std::fmt;\n",
            "crates/bin/Cargo.toml": "",
            "crates/bin/src/main.rs": "use my_lib::a::Thing;\n",
        },
        {
            ("crates/my-lib/src/lib.rs", "crates/my-lib/src/a.rs"),
            ("crates/my-lib/src/lib.rs", "crates/my-lib/src/b/mod.rs"),
            ("crates/my-lib/src/a.rs", "crates/my-lib/src/b/mod.rs"),
            ("crates/my-lib/src/a.rs", "crates/my-lib/src/b/deep.rs"),
            ("crates/my-lib/src/a.rs", "crates/my-lib/src/lib.rs"),
            ("crates/my-lib/src/b/mod.rs", "crates/my-lib/src/b/deep.rs"),
            ("crates/my-lib/src/b/deep.rs", "crates/my-lib/src/a.rs"),
            ("crates/bin/src/main.rs", "crates/my-lib/src/a.rs"),
        },
    ),
    "java and kotlin, across languages, nested, static, by wildcard and in the same package": (
        {
            "src/a/b/C.java": "package a.b;\npublic class C { static class In {} Near n; }\n",
            "src/a/b/Near.java": "package a.b;\nclass Near {}\n",
            "src/x/User.java": "package x;\nimport a.b.C.In;\nimport static a.b.C.m;\nclass User {}\n",
            "src/x/All.kt": "package x\nimport a.b.*\nclass All { val c: C? = null }\n",
        },
        {
            ("src/a/b/C.java", "src/a/b/Near.java"),
            ("src/x/User.java", "src/a/b/C.java"),
            ("src/x/All.kt", "src/a/b/C.java"),
        },
    ),
    "c and c++": (
        {
            "src/a.c": '#include "a.h"\n#include <lib/b.h>\n#include <stdio.h>\n',
            "src/a.h": '#include "../include/lib/b.h"\n',
            "include/lib/b.h": "",
            "other/lib/c.h": "",
        },
        {("src/a.c", "src/a.h"), ("src/a.c", "include/lib/b.h"), ("src/a.h", "include/lib/b.h")},
    ),
    "c#": (
        {
            "Models/User.cs": "namespace App.Models { public class User {} }\n",
            "Models/Order.cs": "namespace App.Models;\npublic class Order { User u; }\n",
            "Web/Page.cs": "using System;\nusing App.Models;\nnamespace App.Web;\nclass Page { Order o; }\n",
        },
        {("Models/Order.cs", "Models/User.cs"), ("Web/Page.cs", "Models/Order.cs")},
    ),
    "ruby": (
        {
            "lib/a.rb": "require_relative 'a/b'\nrequire 'a/c'\nrequire 'json'\n",
            "lib/a/b.rb": "",
            "lib/a/c.rb": "",
        },
        {("lib/a.rb", "lib/a/b.rb"), ("lib/a.rb", "lib/a/c.rb")},
    ),
    "php": (
        {
            "src/Models/User.php": "<?php\nnamespace App\\Models;\nclass User {}\n",
            "src/Page.php": "<?php\nnamespace App;\nuse App\\Models\\User;\nrequire __DIR__ . '/boot.php';\n",
            "src/boot.php": "<?php\n",
        },
        {("src/Page.php", "src/Models/User.php"), ("src/Page.php", "src/boot.php")},
    ),
    "lua, bash, dart and solidity": (
        {
            "l/x.lua": "require('l.y')\n",
            "l/y.lua": "",
            "s/a.sh": ". ./b.sh\n",
            "s/b.sh": "",
            "d/lib/a.dart": "import 'package:d/src/b.dart';\n",
            "d/lib/src/b.dart": "",
            "c/a.sol": 'import "./b.sol";\n',
            "c/b.sol": "",
        },
        {
            ("l/x.lua", "l/y.lua"),
            ("s/a.sh", "s/b.sh"),
            ("d/lib/a.dart", "d/lib/src/b.dart"),
            ("c/a.sol", "c/b.sol"),
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_edges(tmp_path: Path, name: str) -> None:
    files, wanted = CASES[name]
    assert edges(graph_of(tmp_path, files)) == wanted


def test_what_comes_through_a_file_that_stands_for_its_folder_is_seen_and_nothing_else_of_it(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .a import A\nfrom .b import *\nfrom .c import C as D\n",
        "pkg/a.py": "",
        "pkg/b.py": "",
        "pkg/c.py": "",
        "use.py": "from pkg import A\n",
        "use_star.py": "from pkg import Unknown\n",
        "web/index.ts": "export {x} from './x'; export * from './deep'\n",
        "web/deep/index.ts": "export {y} from './y'\n",
        "web/x.ts": "",
        "web/deep/y.ts": "",
        "main.ts": "import {y} from './web'\n",
    }
    asked = tuple(path for path in files if "__init__" not in path and "index" not in path)
    assert edges(graph_of(tmp_path, files, only=asked)) == {
        ("use.py", "pkg/a.py"),
        ("use_star.py", "pkg/b.py"),
        ("main.ts", "web/deep/y.ts"),
    }


def test_circles_of_index_files_end(tmp_path: Path) -> None:
    files = {
        "a/index.ts": "export * from '../b'\n",
        "b/index.ts": "export * from '../a'\nexport * from './q'\n",
        "b/q.ts": "",
        "main.ts": "import {y} from './a'\n",
    }
    assert edges(graph_of(tmp_path, files, only=("main.ts", "b/q.ts"))) == {("main.ts", "b/q.ts")}


def test_what_cannot_be_read_is_named_and_takes_nothing_from_the_others(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"\0\xff")
    (tmp_path / "large.py").write_text("import a\n" * 80_000)
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("")
    files = ("a.py", "b.py", "binary.py", "gone.py", "large.py")
    graph = Imports(syntax_here).graph(files, FileIndex(files, lambda _: None), Texts(tmp_path))
    assert edges(graph) == {("a.py", "b.py")}
    assert sorted(graph.unread) == ["binary.py", "gone.py", "large.py"]


def test_a_file_on_which_the_parser_breaks_is_left_out_alone(tmp_path: Path) -> None:
    def parse(files: list[list[str]]) -> list[dict[str, Any] | None]:
        if any(path == "bad.py" for path, _ in files):
            raise TooHard("cannot be parsed")
        return syntax.answer(files)

    for name, text in {"a.py": "import b\n", "b.py": "", "bad.py": "import a\n"}.items():
        (tmp_path / name).write_text(text)
    files = ("a.py", "b.py", "bad.py")
    graph = Imports(parse).graph(files, FileIndex(files, lambda _: None), Texts(tmp_path))
    assert edges(graph) == {("a.py", "b.py")}
    assert graph.unread == ("bad.py",)


def test_a_huge_plan_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 2)
    graph = graph_of(tmp_path, {"a.py": "import c\n", "b.py": "import a\n", "c.py": "", "x.txt": ""})
    assert (edges(graph), graph.left) == ({("b.py", "a.py")}, 1)


def test_only_what_changed_is_parsed_again(tmp_path: Path) -> None:
    parsed: list[str] = []

    def parse(files: list[list[str]]) -> list[dict[str, Any] | None]:
        parsed.extend(path for path, _ in files)
        return syntax.answer(files)

    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("")
    files = ("a.py", "b.py")
    reader = Imports(parse)
    index = FileIndex(files, lambda _: None)
    reader.graph(files, index, Texts(tmp_path))
    (tmp_path / "b.py").write_text("import a\n")
    assert edges(reader.graph(files, index, Texts(tmp_path))) == {("a.py", "b.py"), ("b.py", "a.py")}
    shown = Texts(tmp_path, lambda path: "" if path == "a.py" else None)
    assert edges(reader.graph(files, index, shown)) == {("b.py", "a.py")}
    assert parsed == ["a.py", "b.py", "b.py", "a.py"]


def test_all_edges_of_a_package_are_those_that_python_itself_reads() -> None:
    package = Path(rich.__file__).parent
    root = package.parent
    files = tuple(sorted(path.relative_to(root).as_posix() for path in package.rglob("*.py")))
    graph = Imports().graph(files, FileIndex(files, lambda _: None), Texts(root))
    wanted = set(_by_ast(root, files))
    assert len(wanted) > 300
    assert edges(graph) == wanted
    assert graph.unread == ()


def _by_ast(root: Path, files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files}
    for own, path in modules.items():
        package = own if posixpath.basename(path) == "__init__.py" else own.rpartition(".")[0]
        for node in ast.walk(ast.parse((root / path).read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                start = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    part = f"{start}.{alias.name}"
                    names.append(part if part in modules else start)
            yield from ((path, modules[name]) for name in names if name in modules and modules[name] != path)

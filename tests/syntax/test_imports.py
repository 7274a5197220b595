"""What source files say that they import, in each language, in awkward spellings."""

from __future__ import annotations

import pytest

from fanout_server.syntax import imports
from fanout_server.syntax.errors import TooHard
from fanout_server.syntax.worker import Worker

SAID = [
    ("a.py", "import a.b as c, d\n", [("a.b", []), ("d", [])]),
    ("a.py", "from . import x as y, z\n", [(".", ["x", "z"])]),
    ("a.py", "from ..p . q import (\n  r,  # one\n  s as t,\n)\n", [("..p.q", ["r", "s"])]),
    ("a.py", "from a import *\n", [("a", ["*"])]),
    ("a.py", "def f():\n    if x:\n        import late\n", [("late", [])]),
    ("a.py", "'''\nimport no\n'''\n# import no\nx = 'import no'\n", []),
    ("a.py", "\ufeffimport a\r\nimport b\r\n", [("a", []), ("b", [])]),
    ("script", "#!/usr/bin/env python3\nimport a\n", [("a", [])]),
    ("a.ts", "import d, {b as c, type T} from './x'\n", [("./x", ["b", "T", "default"])]),
    ("a.ts", "import * as n from \"y\"; import './side'\n", [("y", ["*"]), ("./side", ["*"])]),
    ("a.ts", "export * from './z'; export {q as r} from './w'\n", [("./z", ["*"]), ("./w", ["q"])]),
    ("a.ts", "const m = await import(`./dyn`); import t = require('./tr')\n", [("./dyn", ["*"]), ("./tr", ["*"])]),
    ("a.js", "const {a} = require('./cj'); require(name); jest.mock('./m')\n", [("./cj", ["*"]), ("./m", ["*"])]),
    ("a.jsx", "// import './no'\nconst s = \"import './no'\"\n", []),
    ("a.go", 'package m\nimport (\n\t"fmt"\n\tx "ex.com/m/sub"\n)\n', [("fmt", []), ("ex.com/m/sub", [])]),
    ("a.rs", "mod a;\npub mod b { mod c; fn f() {} }\n", [("mod:a", []), ("mod:b/c", [])]),
    ("a.rs", '#[path = "o.rs"]\nmod oo;\n', [("path:o.rs", [])]),
    (
        "a.rs",
        "use crate::x::{self, y::{Z as Q, W}, w};\npub(crate) use super::q as r;\n",
        [(f"crate::x::{one}", []) for one in ("self", "y::Z", "y::W", "w")] + [("super::q", [])],
    ),
    (
        "A.java",
        "import a.b.C;\nimport static a.b.D.m;\nimport a.c.*;\n",
        [("a.b.C", []), ("a.b.D.m", []), ("a.c.*", [])],
    ),
    ("a.kt", "import a.b.C\nimport a.c.*\nimport x.Y as Z\n", [("a.b.C", []), ("a.c.*", []), ("x.Y", [])]),
    ("a.scala", "import a.c._\nimport x.{Y, Z => Q}\n", [("a.c.*", []), ("x.Y", []), ("x.Z", [])]),
    ("a.cpp", '#include "a/b.h"\n#include <vector>\n#include MACRO\n', [('"a/b.h"', []), ("<vector>", [])]),
    ("a.c", '#ifdef X\n#include "c.h"\n#endif\n', [('"c.h"', [])]),
    ("a.cs", "using System;\nusing static A.B;\nglobal using X = C.D;\n", [("System", []), ("A.B", []), ("C.D", [])]),
    ("a.rb", 'require_relative \'../a/b\'\nrequire "json"\nrequire "#{x}"\n', [("relative:../a/b", []), ("json", [])]),
    (
        "a.php",
        "<?php\nuse A\\C\\D;\nuse A\\{E, F\\G as H};\nuse function A\\f;\nrequire_once __DIR__ . '/x.php';\n",
        [("A.C.D", []), ("A.E", []), ("A.F.G", []), ("A.f", []), ("file:/x.php", [])],
    ),
    ("a.lua", "local a = require('x.y')\nrequire \"z\"\n", [("x.y", []), ("z", [])]),
    ("a.sh", "source ./a.sh\n. 'lib/b.sh'\n. \"$HOME/c.sh\"\n", [("./a.sh", []), ("lib/b.sh", [])]),
    ("a.dart", "import 'package:foo/a.dart';\nexport '../b.dart';\n", [("package:foo/a.dart", []), ("../b.dart", [])]),
    ("a.sol", 'import {X} from "./b.sol";\n', [("./b.sol", [])]),
    ("a.py", "x = '\ud800'\nimport b\n", [("b", [])]),
]


@pytest.mark.parametrize(("path", "text", "said"), SAID, ids=[f"{path}-{text[:20]!r}" for path, text, _ in SAID])
def test_what_is_imported(path: str, text: str, said: list[tuple[str, list[str]]]) -> None:
    (told,) = imports.answer([[path, text]])
    assert told is not None
    assert told["imports"] == said


def test_what_a_file_declares_and_where() -> None:
    java, go, csharp, php = imports.answer(
        [
            ["A.java", "package a.b; // x\nclass X { void m() {} }\ninterface Y {}\n"],
            ["a.go", "package m\nfunc F() {}\nfunc (t *T) M() {}\ntype S struct{}\n"],
            ["a.cs", "namespace N.M { class K {} }\n"],
            ["a.php", "<?php\nnamespace A\\B;\nclass Q {}\nfunction f() {}\n"],
        ]
    )
    assert java is not None
    assert (java["spaces"], java["declares"]) == (["a.b"], ["X", "Y"])
    assert go is not None
    assert set(go["declares"]) == {"F", "S"}
    assert csharp is not None
    assert (csharp["spaces"], csharp["declares"]) == (["N.M"], ["K"])
    assert php is not None
    assert (php["spaces"], php["declares"]) == (["A.B"], ["Q", "f"])


def test_what_is_in_no_known_language_has_none() -> None:
    assert imports.answer([["a.txt", "import a\n"], ["a.swift", "import Foundation\n"]])[0] is None


def test_garbage_ends_in_time_and_the_process_goes_on() -> None:
    process = Worker(limit=20.0)
    try:
        assert process.call("fanout_server.syntax.imports:answer", [["a.py", "import a\n"]])[0]["imports"] == [
            ["a", []]
        ]
        with pytest.raises(TooHard):
            process.call("fanout_server.syntax.imports:answer", [["a.js", "({[" * 200_000]], limit=0.01)
        assert process.call("fanout_server.syntax.imports:answer", [["a.py", "import a\n"]])[0]["language"] == "python"
    finally:
        process.close()

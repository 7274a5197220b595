"""What git calls a conflict, merged by white space, syntax and lists, or left."""

from __future__ import annotations

import pytest

from fanout_server.merging import rungs

_GO = """package a

import (
\t"x"
)

type T struct {
\tA int
}

var m = map[string]int{
\t"a": 1,
}
"""


def _go(*words: str) -> str:
    """With an import, a field and a key more, or two of each."""
    text = _GO
    for at, (last, line) in enumerate(
        (('\t"x"\n', '\t"{}"\n'), ("\tA int\n", "\t{} int\n"), ('\t"a": 1,\n', '\t"{}": 1,\n'))
    ):
        text = text.replace(last, last + "".join(line.format(word) for word in words[at::3]))
    return text


# Path, base, ours, theirs, merged, way, confidence.
_MERGED = {
    "functions of Python": (
        "a.py",
        "import os\n\n\ndef a():\n    pass\n",
        "import os\n\n\ndef a():\n    pass\n\n\n# of b\n@dec\ndef b():\n    return 1\n",
        "import os\n\n\ndef a():\n    pass\n\n\ndef c():\n    return 2\n",
        "import os\n\n\ndef a():\n    pass\n\n\n# of b\n@dec\ndef b():\n    return 1\n\n\ndef c():\n    return 2\n",
        "syntax",
        "high",
    ),
    "imported names": (
        "a.py",
        "from m import a\n",
        "from m import a, b\n",
        "from m import a, c\n",
        "from m import a, b, c\n",
        "syntax",
        "high",
    ),
    "imported names in brackets": (
        "a.py",
        "from m import (\n    a,\n)\n",
        "from m import (\n    a,\n    b,  # two\n)\n",
        "from m import (\n    a,\n    c,\n)\n",
        "from m import (\n    a,\n    b,  # two\n    c,\n)\n",
        "syntax",
        "high",
    ),
    "imports and exported names": (
        "a.py",
        "import os\n\n__all__ = ['a']\n",
        "import os\nimport re\n\n__all__ = ['a', 'b']\n",
        "import os\nimport sys\n\n__all__ = ['a', 'c']\n",
        "import os\nimport re\nimport sys\n\n__all__ = ['a', 'b', 'c']\n",
        "syntax",
        "medium",
    ),
    "the first members of a class": (
        "a.py",
        "class A:\n    def f(self):\n        return 1\n",
        "class A:\n    x = 1\n\n    def f(self):\n        return 1\n",
        "class A:\n    y = 1\n\n    def f(self):\n        return 1\n",
        "class A:\n    x = 1\n\n    y = 1\n\n    def f(self):\n        return 1\n",
        "syntax",
        "high",
    ),
    "calls of one function": (
        "a.py",
        "def setup(app):\n    app.add('a')\n",
        "def setup(app):\n    app.add('a')\n    app.add('b')\n",
        "def setup(app):\n    app.add('a')\n    app.add('c')\n",
        "def setup(app):\n    app.add('a')\n    app.add('b')\n    app.add('c')\n",
        "syntax",
        "medium",
    ),
    "arguments": ("a.py", "f(a)\n", "f(a, b)\n", "f(a, c)\n", "f(a, b, c)\n", "syntax", "medium"),
    "keys of JSON": (
        "p.json",
        '{\n  "a": {\n    "x": 1\n  }\n}\n',
        '{\n  "a": {\n    "x": 1,\n    "y": 2\n  }\n}\n',
        '{\n  "a": {\n    "x": 1,\n    "z": 3\n  }\n}\n',
        '{\n  "a": {\n    "x": 1,\n    "y": 2,\n    "z": 3\n  }\n}\n',
        "syntax",
        "high",
    ),
    "keys of an empty object": ("p.json", "{}\n", '{"a": 1}\n', '{"b": 2}\n', '{"a": 1, "b": 2}\n', "syntax", "high"),
    "an edited value beside a new key": (
        "p.json",
        '{\n  "a": 1\n}\n',
        '{\n  "a": 2\n}\n',
        '{\n  "a": 1,\n  "b": 1\n}\n',
        '{\n  "a": 2,\n  "b": 1\n}\n',
        "syntax",
        "high",
    ),
    "a barrel file": (
        "index.ts",
        "export * from './a';\n",
        "export * from './a';\nexport * from './b';\n",
        "export * from './a';\nexport * from './c';\n",
        "export * from './a';\nexport * from './b';\nexport * from './c';\n",
        "syntax",
        "high",
    ),
    "imports of one module": (
        "a.ts",
        "const x = 1;\n",
        "import { A } from './m';\nconst x = 1;\n",
        "import { B } from './m';\nconst x = 1;\n",
        "import { A } from './m';\nimport { B } from './m';\nconst x = 1;\n",
        "syntax",
        "high",
    ),
    "members of an interface and of a class": (
        "a.ts",
        "interface I { a: string }\nclass A {\n  x = 1;\n}\n",
        "interface I { a: string; b: number }\nclass A {\n  x = 1;\n  f() {}\n}\n",
        "interface I { a: string; c: number }\nclass A {\n  x = 1;\n  @dec()\n  g() {}\n}\n",
        "interface I { a: string; b: number; c: number }\nclass A {\n  x = 1;\n  f() {}\n  @dec()\n  g() {}\n}\n",
        "syntax",
        "high",
    ),
    "routes": (
        "a.js",
        "app.use('/a', a);\n",
        "app.use('/a', a);\napp.use('/b', b);\n",
        "app.use('/a', a);\napp.use('/c', c);\n",
        "app.use('/a', a);\napp.use('/b', b);\napp.use('/c', c);\n",
        "syntax",
        "medium",
    ),
    "imports, fields, keys and methods of Go": (
        "a.go",
        _GO,
        _go("y", "B", "b") + "\nfunc (t T) F() {}\n",
        _go("z", "C", "c") + "\nfunc (u *U) F() {}\n",
        _go("y", "B", "b", "z", "C", "c") + "\nfunc (t T) F() {}\n\nfunc (u *U) F() {}\n",
        "syntax",
        "high",
    ),
    "uses and variants of Rust": (
        "a.rs",
        "use a::{b};\n\nenum E {\n    A,\n}\n",
        "use a::{b, c};\n\nenum E {\n    A,\n    B,\n}\n",
        "use a::{b, d};\n\nenum E {\n    A,\n    C,\n}\n",
        "use a::{b, c, d};\n\nenum E {\n    A,\n    B,\n    C,\n}\n",
        "syntax",
        "medium",
    ),
    "keys of YAML": (
        "a.yaml",
        "a:\n  b: 1\nd: 1\n",
        "a:\n  b: 1\n  c: 2\nd: 1\n",
        "a:\n  b: 1\n  e: 2\nd: 1\n",
        "a:\n  b: 1\n  c: 2\n  e: 2\nd: 1\n",
        "syntax",
        "high",
    ),
    "one side took out what stands beside": (
        "a.py",
        "X = [\n    'a',\n    'c',\n]\n",
        "X = [\n    'a',\n    'c',\n    'd',\n]\n",
        "X = [\n    'a',\n]\n",
        "X = [\n    'a',\n    'd',\n]\n",
        "syntax",
        "medium",
    ),
    "new files": (
        "new.py",
        "",
        "def a():\n    pass\n",
        "def b():\n    pass\n",
        "def a():\n    pass\ndef b():\n    pass\n",
        "syntax",
        "high",
    ),
    "white space against words": (
        "a.txt",
        "one  two\nthree\n",
        "one two\nthree\n",
        "one  two, and more\nthree\n",
        "one  two, and more\nthree\n",
        "spaces",
        "high",
    ),
    "a change log": (
        "CHANGELOG.md",
        "# Changes\n\n- a\n",
        "# Changes\n\n- a\n- b\n  more of b\n",
        "# Changes\n\n- a\n- c\n",
        "# Changes\n\n- a\n- b\n  more of b\n- c\n",
        "list",
        "medium",
    ),
    "a new heading of a change log": (
        "docs/changes.md",
        "# Changes\n\n## 1.0\n",
        "# Changes\n\n## Next\n\n- b\n\n## 1.0\n",
        "# Changes\n\n## Next\n\n- c\n\n## 1.0\n",
        "# Changes\n\n## Next\n\n- b\n- c\n\n## 1.0\n",
        "list",
        "medium",
    ),
}

_LEFT = {
    "another value": ("a.py", "def f():\n    return 1\n", "def f():\n    return 2\n", "def f():\n    return 3\n"),
    "the same name for two things": (
        "a.py",
        "x = 1\n",
        "def f():\n    return 2\nx = 1\n",
        "def f():\n    return 3\nx = 1\n",
    ),
    "the same name in two places": (
        "a.py",
        "a = 1\n\n\nb = 1\nc = 1\n",
        "def f(): ...\na = 1\n\n\nb = 2\nc = 1\n",
        "a = 1\n\n\nb = 3\nc = 1\ndef f(x): ...\n",
    ),
    "the same key": ("p.json", '{"a": 1}\n', '{"a": 1, "b": 1}\n', '{"a": 1, "b": 2}\n'),
    "one name from two modules": (
        "a.ts",
        "const x = 1;\n",
        "import { A } from './m';\nconst x = 1;\n",
        "import { A } from './n';\nconst x = 1;\n",
    ),
    "statements": ("a.py", "def f():\n    a()\n", "def f():\n    a()\n    b()\n", "def f():\n    a()\n    c()\n"),
    "parameters": ("a.py", "def f(a): ...\n", "def f(a, b): ...\n", "def f(a, c): ...\n"),
    "gone and changed": (
        "a.py",
        "def f():\n    return 1\n\n\nx = 1\n",
        "x = 1\n",
        "def f():\n    return 2\n\n\nx = 1\n",
    ),
    "the same element in two lists of more": ("a.py", "X = ['a']\n", "X = ['a', 'b']\n", "X = ['a', 'b', 'c']\n"),
    "a language that nobody reads": ("a.unknown", "a\n", "a\nb\n", "a\nc\n"),
    "lines of settings": ("requirements.txt", "a\n", "a\n- b\n", "a\n- c\n"),
    "prose": ("README.md", "One.\n", "One two.\n", "One three.\n"),
    "code in prose": ("README.md", "```\n- a\n```\n", "```\n- a\n- b\n```\n", "```\n- a\n- c\n```\n"),
    "the same item twice": ("README.md", "- a\n", "- a\n- b\n", "- a\n- b\n- c\n"),
}


@pytest.mark.parametrize("name", _MERGED)
def test_merged(name: str) -> None:
    path, base, ours, theirs, merged, way, confidence = _MERGED[name]
    assert rungs.answer(path, base, ours, theirs) == (merged, way, confidence)


@pytest.mark.parametrize("name", _LEFT)
def test_left(name: str) -> None:
    assert rungs.answer(*_LEFT[name]) is None


@pytest.mark.parametrize("name", _MERGED)
def test_either_side_may_be_undone(name: str) -> None:
    """From what was merged back to one side: where nothing came since, that is the side itself."""
    path, _, ours, theirs, merged, _, _ = _MERGED[name]
    assert rungs.answer(path, merged, merged, ours) == (ours, "spaces", "high")
    assert rungs.answer(path, merged, merged, theirs) == (theirs, "spaces", "high")

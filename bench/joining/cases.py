"""Made cases: files that many units add to at once, in four languages, and some where they cannot agree."""

from __future__ import annotations

import json
from collections.abc import Callable

from attrs import frozen


@frozen
class Shared:
    """``base`` is the file, ``of(n)`` what unit n makes of it, ``has(n)`` lines that must be in it then."""

    path: str
    base: str
    of: Callable[[int], str]
    has: Callable[[int], tuple[str, ...]]
    mergeable: bool = True


def make(count: int, disputed: int) -> list[Shared]:
    """``count`` files, the last ``disputed`` of which every unit wants to be another."""
    kinds = (_module, _members, _mapping, _calls, _barrel, _interface, _routes, _package, _names, _go)
    made = [kinds[at % len(kinds)](f"f{at}") for at in range(count - disputed)]
    return [*made, *((_value, _body)[at % 2](f"d{at}") for at in range(disputed))]


def _lines(path: str, base: str, places: tuple[tuple[str, str], ...]) -> Shared:
    """After each of the lines ``(after, line)`` a line more."""

    def has(unit: int) -> tuple[str, ...]:
        return tuple(line.format(n=unit) for _, text in places for line in text.split("\n") if line.strip())

    def of(unit: int) -> str:
        found = base
        for after, text in places:
            found = found.replace(after + "\n", after + "\n" + text.format(n=unit) + "\n")
        return found

    return Shared(path, base, of, has)


def _module(name: str) -> Shared:
    base = "import os\n\n__all__ = [\n    'first',\n]\n\n\ndef first():\n    return os.sep\n"
    more = "\n\ndef helper_{n}():\n    return mod_{n}.value"
    places = (("import os", "import mod_{n}"), ("    'first',", "    'helper_{n}',"), ("    return os.sep", more))
    return _lines(f"py/{name}.py", base, places)


def _members(name: str) -> Shared:
    base = "class Store:\n    limit = 1\n\n    def get(self):\n        return self.limit\n"
    return _lines(
        f"py/{name}.py",
        base,
        (
            ("    limit = 1", "    limit_{n} = {n}"),
            ("        return self.limit", "\n    def get_{n}(self):\n        return self.limit_{n}"),
        ),
    )


def _mapping(name: str) -> Shared:
    base = "HANDLERS = {\n    'first': 0,\n}\n"
    return _lines(f"py/{name}.py", base, (("    'first': 0,", "    'key_{n}': {n},"),))


def _calls(name: str) -> Shared:
    base = "def setup(app):\n    app.add('first')\n"
    return _lines(f"py/{name}.py", base, (("    app.add('first')", "    app.add('part_{n}')"),))


def _barrel(name: str) -> Shared:
    return _lines(
        f"ts/{name}.ts", "export * from './first';\n", (("export * from './first';", "export * from './m{n}';"),)
    )


def _interface(name: str) -> Shared:
    base = "export interface State {\n  first: string;\n}\n\nexport class Api {\n  first() {\n    return 0;\n  }\n}\n"
    return _lines(
        f"ts/{name}.ts",
        base,
        (
            ("  first: string;", "  field{n}: number;"),
            ("    return 0;\n  }", "\n  call{n}() {{\n    return {n};\n  }}"),
        ),
    )


def _routes(name: str) -> Shared:
    base = "import { first } from './first';\n\nexport const routes = [\n  first,\n];\n"
    return _lines(
        f"ts/{name}.ts",
        base,
        (("import { first } from './first';", "import {{ r{n} }} from './r{n}';"), ("  first,", "  r{n},")),
    )


def _json_file(path: str, base: object, add: Callable[[int], object], has: Callable[[int], tuple[str, ...]]) -> Shared:
    return Shared(path, _dumped(base), lambda unit: _dumped(add(unit)), has)


def _dumped(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _package(name: str) -> Shared:
    scripts, needs = {"test": "run"}, {"first": "^1.0.0"}
    return _json_file(
        f"json/{name}.json",
        {"scripts": scripts, "dependencies": needs},
        lambda n: {"scripts": {**scripts, f"do{n}": f"run {n}"}, "dependencies": {**needs, f"dep{n}": f"^{n}.0.0"}},
        lambda n: (f'"do{n}": "run {n}"', f'"dep{n}": "^{n}.0.0"'),
    )


def _names(name: str) -> Shared:
    return _json_file(
        f"json/{name}.json", {"files": ["first"]}, lambda n: {"files": ["first", f"name{n}"]}, lambda n: (f'"name{n}"',)
    )


def _go(name: str) -> Shared:
    base = (
        'package shared\n\nimport (\n\t"first"\n)\n\ntype State struct {\n\tFirst int\n}\n\n'
        'var table = map[string]int{\n\t"first": 1,\n}\n\nfunc First() int {\n\treturn first.Value\n}\n'
    )
    return _lines(
        f"go/{name}.go",
        base,
        (
            ('\t"first"', '\t"pkg{n}"'),
            ("\tFirst int", "\tField{n} int"),
            ('\t"first": 1,', '\t"key{n}": {n},'),
            ("\treturn first.Value\n}", "\nfunc Call{n}() int {{\n\treturn pkg{n}.Value\n}}"),
        ),
    )


def _value(name: str) -> Shared:
    return Shared(
        f"py/{name}.py", "LIMIT = 0\n", lambda n: f"LIMIT = {n}\n", lambda n: (f"LIMIT = {n}",), mergeable=False
    )


def _body(name: str) -> Shared:
    base = "export function limit() {\n  return 0;\n}\n"
    return Shared(
        f"ts/{name}.ts", base, lambda n: base.replace("0", str(n)), lambda n: (f"  return {n};",), mergeable=False
    )

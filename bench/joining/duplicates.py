"""How much of what the review looks for it finds: real functions of installed packages, changed as agents differ."""

from __future__ import annotations

import ast
import copy
import random
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server.review import duplicates, outliers, removed
from fanout_server.review.facts import LEAST_TOKENS, read
from fanout_server.review.material import Material
from fanout_server.review.merged import Changed, changed
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.worker import SHARED
from tests.review.merging import Folder

# Nothing was tuned on these.
HELD_OUT = ("pip", "mypy", "pytest", "_pytest", "hypothesis", "jsonschema", "cattrs", "click")
_FUNCTIONS = 200
_FILES = 250
_SEED = 6


@frozen
class Sample:
    """A function at the top of a module, as a text of its own."""

    path: str
    source: str
    node: ast.FunctionDef


def measure(log: Callable[[str], None]) -> dict[str, float | int]:
    """Shares from 0 to 1. Blocking, for about a minute."""
    every = dict(_texts())
    texts = dict(list(every.items())[:_FILES])
    samples = list(_samples(texts))
    random.Random(_SEED).shuffle(samples)
    samples = samples[:_FUNCTIONS]
    log(f"{len(samples)} functions of {len(texts)} files")
    plain = sum(_is_found(one, _renamed(one)) for one in samples) / len(samples)
    more = sum(_is_found(one, _one_more(one)) for one in samples) / len(samples)
    less = [one for one in samples if len(_simple(one.node)) > 1]
    fewer = sum(_is_found(one, _one_less(one)) for one in less) / len(less)
    right, told = _precision(every, log)
    missed = sum(_is_missed(one) for one in samples) / len(samples)
    styles = sum(_is_outlier(one) for one in samples) / len(samples)
    return {
        "dup_recall_renamed": round(plain, 3),
        "dup_recall_one_more": round(more, 3),
        "dup_recall_one_less": round(fewer, 3),
        "dup_precision": round(right / told, 3) if told else 1.0,
        "dup_pairs_told": told,
        "removed_recall": round(missed, 3),
        "style_recall_quotes": round(styles, 3),
    }


def _texts() -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_paths()["purelib"])
    found = [path for name in HELD_OUT for path in sorted((root / name).rglob("*.py"))]
    random.Random(_SEED).shuffle(found)
    for path in found:
        name = str(path.relative_to(root)).replace("test", "exam")
        yield name, path.read_text(encoding="utf-8", errors="replace")


def _samples(texts: Mapping[str, str]) -> Iterator[Sample]:
    for path, text in texts.items():
        for node in ast.parse(text).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("test") or node.decorator_list:
                continue
            source = ast.unparse(node) + "\n"
            try:
                facts = read(SHARED, source, "a.py")
            except Unreadable:
                continue
            if facts is not None and facts.functions and len(facts.functions[0].tokens) > LEAST_TOKENS + 1:
                yield Sample(path, source, node)


class _Names(ast.NodeTransformer):
    """All names that the function binds get others."""

    def __init__(self, node: ast.FunctionDef) -> None:
        arguments = [one.arg for one in ast.walk(node) if isinstance(one, ast.arg)]
        stored = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
        outer = {name for one in ast.walk(node) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names}
        self._new = {
            name: f"renamed_{at}" for at, name in enumerate(dict.fromkeys([*arguments, *stored])) if name not in outer
        }

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._new.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._new.get(node.arg, node.arg)
        node.annotation = None
        return node


def _mutated(sample: Sample) -> ast.FunctionDef:
    node = copy.deepcopy(sample.node)
    _Names(node).visit(node)
    node.name = "mutated"
    node.returns = None
    return node


def _renamed(sample: Sample) -> str:
    return ast.unparse(_mutated(sample)) + "\n"


def _one_more(sample: Sample) -> str:
    node = _mutated(sample)
    node.body.insert(len(node.body) // 2, ast.parse("checked = validate(1)").body[0])
    return ast.unparse(ast.fix_missing_locations(node)) + "\n"


def _one_less(sample: Sample) -> str:
    node = _mutated(sample)
    simple = _simple(node)
    node.body.remove(simple[len(simple) // 2])
    return ast.unparse(node) + "\n"


def _simple(node: ast.FunctionDef) -> list[ast.stmt]:
    """The statements of the body that hold no others, but for the docstring."""
    return [one for one in node.body if not hasattr(one, "body") and one is not _docstring(node)]


def _docstring(node: ast.FunctionDef) -> ast.stmt | None:
    return node.body[0] if ast.get_docstring(node) is not None else None


def _made(path: str, before: str | None, after: str, unit: str) -> Changed:
    return changed(path, None if before is None else before.encode(), after.encode(), (unit,), {})


def _material(files: Sequence[Changed], base: Mapping[str, str] | None = None, seconds: float = 60.0) -> Material:
    merged = {one.path: one.after for one in files if one.after is not None}
    return Material(files, {}, Folder(base or {}, merged), [SHARED], seconds)


def _is_found(sample: Sample, other: str) -> bool:
    files = [_made("src/a.py", None, sample.source, "one"), _made("lib/b.py", None, other, "two")]
    return any(one.code == duplicates.DUPLICATE for one in duplicates.find(_material(files)))


def _precision(texts: Mapping[str, str], log: Callable[[str], None]) -> tuple[int, int]:
    """Of what is told between real files: right where a stricter measure, the words of both texts, agrees."""
    files = [_made(path, None, text, path) for path, text in texts.items()]
    told = [one for one in duplicates.find(_material(files, seconds=300.0)) if one.code == duplicates.DUPLICATE]
    right = 0
    for one in told:
        first = _body(texts, one.path or "", one.range.start.line if one.range else 0)
        other = one.related[0]
        second = _body(texts, other.path, other.range.start.line if other.range else 0)
        shared = len(first & second) / max(1, len(first | second))
        right += shared >= 0.5
        log(f"  {shared:.2f} {one.message}")
    return right, len(told)


def _body(texts: Mapping[str, str], path: str, line: int) -> set[str]:
    """What is called, and which members are named, in the function that begins on the line."""
    for node in ast.walk(ast.parse(texts[path])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno - 1 == line:
            members = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
            calls = {
                one.func.id for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
            }
            return members | calls | {type(one).__name__ for one in ast.walk(node)}
    return set()


def _is_missed(sample: Sample) -> bool:
    """One unit gives the function another name, another's new file calls it by the old one."""
    name = sample.node.name
    after = sample.source.replace(f"def {name}(", f"def {name}_of_late(")
    user = f"from src.a import {name}\n\nVALUE = {name}()\n"
    files = [_made("src/a.py", sample.source, after, "one"), _made("src/b.py", None, user, "two")]
    return any(one.code == removed.CODE for one in removed.find(_material(files)))


def _is_outlier(sample: Sample) -> bool:
    """A file with the other quotes than six beside it; a text without three strings shows no habit."""
    strings = "A = ['a', 'b', 'c', 'd']\n"
    base = {f"src/f{at}.py": strings + sample.source for at in range(6)}
    # Of strings as ast writes them, so that each holds no quote of the other kind.
    other = (strings * 8).replace("'", '"') + sample.source
    return any(
        "quotes" in one.message for one in outliers.find(_material([_made("src/new.py", None, other, "one")], base))
    )

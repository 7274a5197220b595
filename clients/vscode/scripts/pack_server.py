"""Makes a small wheel of the server's: python -P pack_server.py WHEEL OUT.

Without comments, docstrings and what only developers need, but with each statement on its line, so that a traceback
says what it would. Nothing in it is compressed, and like stands beside like: it is then compressed as one, see
``compress.mjs``.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

# It makes docs/schema, of docstrings.
_FOR_DEVELOPERS = "fanout_server/schema/"

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    wheel, out = map(Path, sys.argv[1:])
    with zipfile.ZipFile(wheel) as read:
        files = {name: read.read(name) for name in read.namelist()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(solid(packed(files.items())))
    return 0


def packed(files: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """What is left of the files of a wheel, with its record. Raises ValueError where a module would be another."""
    left = {name: _lean(name, data) for name, data in files if not name.startswith(_FOR_DEVELOPERS)}
    # Names alone: hashes do not compress, and the archive that this is part of has its own. pip writes none either for
    # what it makes itself.
    record = next(name for name in left if name.endswith(".dist-info/RECORD"))
    left[record] = "".join(f"{name},,\n" for name in left).encode()
    return left


def solid(files: dict[str, bytes]) -> bytes:
    """A wheel of these files, the same whenever it is made."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files, key=lambda name: (PurePosixPath(name).suffix, name)):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return made.getvalue()


def _lean(name: str, data: bytes) -> bytes:
    if name.endswith(".dist-info/METADATA"):
        # Its body is the README.
        return data.split(b"\n\n", 1)[0] + b"\n"
    if not name.endswith(".py"):
        return data
    text = data.decode()
    made = lean(text)
    if not same(text, made):
        raise ValueError(f"{name} would be another program without its comments and docstrings")
    return made.encode()


def lean(source: str) -> str:
    """The module without comments and with empty docstrings, as many lines as before."""
    lines = source.split("\n")
    for string in _docstrings(ast.parse(source)):
        first, last = string.lineno - 1, (string.end_lineno or string.lineno) - 1
        before = lines[first].encode()[: string.col_offset].decode()
        after = lines[last].encode()[string.end_col_offset :].decode()
        lines[first : last + 1] = [f'{before}""{after}', *[""] * (last - first)]
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column].rstrip()
    return "\n".join(lines)


def same(one: str, other: str) -> bool:
    """Whether both modules are the same but for docstrings, statement by statement on the same lines."""
    return list(_statements(one)) == list(_statements(other)) and one.count("\n") == other.count("\n")


def _statements(source: str) -> Iterator[object]:
    """The tree's nodes, each with its line, and what they hold."""
    tree = ast.parse(source)
    for string in _docstrings(tree):
        string.value = ""
    for node in ast.walk(tree):
        yield type(node), getattr(node, "lineno", None)
    yield ast.dump(tree)


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, _Documented) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.value


if __name__ == "__main__":
    sys.exit(main())

"""The files of a repository as imports find them: by path, by the end of a path, and through what projects say."""

from __future__ import annotations

import functools
import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

Read = Callable[[str], str | None]
"""The text of a file by its path, ``None`` where it has none."""

_MOST_MANIFESTS = 200
_MOST_EXTENDED = 8
_LIKELY_PYTHON = ("", "src", "lib", "python")
_PYTHON_PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")
_COMMENT_OR_TEXT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_GO_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)


@frozen
class Aliases:
    """What a ``tsconfig.json`` says of names: ``paths`` in its order, below the folder ``base``; ``roots`` are folders
    from which any name may start.
    """

    base: str
    paths: Mapping[str, tuple[str, ...]]
    roots: tuple[str, ...]


class FileIndex:
    """``files`` are all of the repository's. ``read`` is asked for manifests only, each once. Blocking."""

    def __init__(self, files: tuple[str, ...], read: Read) -> None:
        self.files = frozenset(files)
        self._read = read
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in files:
            self._by_name[posixpath.basename(path)].append(path)
        self.aliases = functools.lru_cache(maxsize=4096)(self._aliases)

    def named(self, name: str) -> list[str]:
        """The files of this name, in any folder."""
        return self._by_name.get(name, [])

    def first(self, candidates: Iterator[str]) -> str | None:
        return next((path for path in candidates if path in self.files), None)

    def ending(self, end: str, near: str) -> str | None:
        """The file whose path ends like this: of several the one that shares most folders with ``near``."""
        found = [one for one in self.named(posixpath.basename(end)) if one == end or one.endswith(f"/{end}")]
        if len(found) > 1:
            found.sort(key=lambda one: (-_shared(one, near), len(one), one))
        return found[0] if found else None

    def above(self, path: str, names: tuple[str, ...]) -> str | None:
        """The nearest file of one of these names in a folder above ``path``."""
        for folder in folders(path):
            for name in names:
                found = posixpath.join(folder, name)
                if found in self.files:
                    return found
        return None

    @functools.cached_property
    def python_roots(self) -> tuple[str, ...]:
        projects = [posixpath.dirname(path) for name in _PYTHON_PROJECTS for path in self.named(name)[:_MOST_MANIFESTS]]
        roots = [*_LIKELY_PYTHON, *(root for one in projects for root in (one, posixpath.join(one, "src")))]
        return tuple(dict.fromkeys(roots))

    @functools.cached_property
    def packages(self) -> Mapping[str, str]:
        """Of the workspace's own JavaScript packages, the folder by name."""
        found: dict[str, str] = {}
        for path in self.named("package.json")[:_MOST_MANIFESTS]:
            name = self._json(path).get("name")
            if isinstance(name, str):
                found.setdefault(name, posixpath.dirname(path))
        return found

    @functools.cached_property
    def go_modules(self) -> Mapping[str, str]:
        """The name of each Go module by its folder."""
        found: dict[str, str] = {}
        for path in self.named("go.mod")[:_MOST_MANIFESTS]:
            said = _GO_MODULE.search(self._read(path) or "")
            if said is not None:
                found[posixpath.dirname(path)] = said[1]
        return found

    @functools.cached_property
    def crates(self) -> Mapping[str, str]:
        """The folders of Rust crates, by the name that their folder lets expect."""
        places = [posixpath.dirname(path) for path in self.named("Cargo.toml")]
        return {posixpath.basename(place).replace("-", "_"): place for place in places}

    def _aliases(self, config: str) -> Aliases:
        """Of a ``tsconfig.json``, with what it extends."""
        paths: Mapping[str, Any] | None = None
        base: str | None = None
        roots: tuple[str, ...] = ()
        place: str | None = config
        for _ in range(_MOST_EXTENDED):
            if place is None:
                break
            said = self._json(place)
            options = said.get("compilerOptions")
            options = options if isinstance(options, dict) else {}
            folder = posixpath.dirname(place)
            if base is None and isinstance(options.get("baseUrl"), str):
                base = _joined(folder, options["baseUrl"])
                roots = (base,)
            if paths is None and isinstance(options.get("paths"), dict):
                paths = options["paths"]
                folder_of_paths = folder
            place = self._extended(folder, said.get("extends"))
        found = {
            name: tuple(one for one in goals if isinstance(one, str))
            for name, goals in (paths or {}).items()
            if isinstance(goals, list)
        }
        return Aliases(base if base is not None else (folder_of_paths if paths is not None else ""), found, roots)

    def _extended(self, folder: str, said: object) -> str | None:
        names = said if isinstance(said, list) else [said]
        for name in names:
            if isinstance(name, str) and name.startswith("."):
                goal = _joined(folder, name)
                return self.first(iter((goal, f"{goal}.json", posixpath.join(goal, "tsconfig.json"))))
        return None

    def _json(self, path: str) -> dict[str, Any]:
        """As TypeScript reads it, comments and last commas included; empty for what is none."""
        text = _COMMENT_OR_TEXT.sub(lambda found: found[0] if found[0][0] == '"' else " ", self._read(path) or "")
        try:
            found = json.loads(_LAST_COMMA.sub(lambda comma: comma[1] or "", text))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def folders(path: str) -> Iterator[str]:
    """Those above ``path``, the nearest first, down to the top folder ``""``."""
    while path:
        path = posixpath.dirname(path)
        yield path


def _joined(folder: str, name: str) -> str:
    joined = posixpath.normpath(posixpath.join(folder, name))
    return "" if joined == "." else joined


def _shared(one: str, other: str) -> int:
    count = 0
    for mine, theirs in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if mine != theirs:
            break
        count += 1
    return count

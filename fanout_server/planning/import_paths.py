"""Which file an import means, in languages where what is written is some form of a path."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from fanout_server.planning.import_files import FileIndex, folders

Names = Sequence[str]
Meant = tuple[str, Names]
"""A file, and the names that are taken from it; none where it is meant itself."""

_JS_ENDINGS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs")
_AS_BUILT = {".js": (".ts", ".tsx", ".jsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_RUST_TOPS = ("mod.rs", "lib.rs", "main.rs")
_INDEXES = frozenset({"__init__.py", *(f"index{ending}" for ending in _JS_ENDINGS)})


class Resolve(Protocol):
    def __call__(self, index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]: ...


def is_index(path: str) -> bool:
    """Whether a file stands for its folder, so that what is taken from it mostly comes from others."""
    return posixpath.basename(path) in _INDEXES


def of(language: str) -> Resolve | None:
    return _LANGUAGES.get(language)


def _inside(folder: str, *parts: str) -> str | None:
    """Joined, from the top folder; ``None`` where it leads out."""
    joined = posixpath.normpath(posixpath.join(folder, *parts))
    return None if joined == ".." or joined.startswith(("../", "/")) else ("" if joined == "." else joined)


def _python(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
    rest = module.lstrip(".")
    level = len(module) - len(rest)
    parts = rest.split(".") if rest else []
    if level:
        start = _inside(posixpath.dirname(path), *[".."] * (level - 1))
        roots: Sequence[str] = () if start is None else (start,)
    else:
        # A folder with an __init__.py is a package, and no place to start from.
        near = [one for one in folders(path) if posixpath.join(one, "__init__.py") not in index.files]
        roots = list(dict.fromkeys((*near, *index.python_roots)))
    for root in roots:
        found = list(_python_module(index, posixpath.join(root, *parts), names))
        if found:
            yield from found
            return


def _python_module(index: FileIndex, place: str, names: Names) -> Iterator[Meant]:
    module = _python_file(index, place) if place else index.first(iter(("__init__.py",)))
    left = []
    for name in names:
        part = None if name == "*" else _python_file(index, posixpath.join(place, name))
        if part is not None and (module is None or is_index(module)):
            yield part, ()
        else:
            left.append(name)
    if module is not None and (left or not names):
        yield module, left


def _python_file(index: FileIndex, place: str) -> str | None:
    return index.first(iter((f"{place}/__init__.py", f"{place}.py", f"{place}.pyi", f"{place}/__init__.pyi")))


def _javascript(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
    module = module.partition("?")[0]
    if module.startswith("."):
        place = _inside(posixpath.dirname(path), module)
        found = None if place is None else _js_file(index, place)
    else:
        found = next((one for one in map(_js_at(index), _js_places(index, path, module)) if one is not None), None)
    if found is not None:
        yield found, names


def _js_at(index: FileIndex) -> Callable[[str | None], str | None]:
    return lambda place: None if place is None else _js_file(index, place)


def _js_places(index: FileIndex, path: str, module: str) -> Iterator[str | None]:
    config = index.above(path, ("tsconfig.json", "jsconfig.json"))
    if config is not None:
        aliases = index.aliases(config)
        # The longest fit counts, and a name without wildcard before all.
        for pattern in sorted(aliases.paths, key=lambda one: ("*" in one, -len(one.partition("*")[0]))):
            before, star, after = pattern.partition("*")
            long_enough = len(module) >= len(before) + len(after)
            fits = module.startswith(before) and module.endswith(after) and long_enough if star else module == pattern
            if fits:
                middle = module[len(before) : len(module) - len(after)] if star else ""
                yield from (_inside(aliases.base, goal.replace("*", middle, 1)) for goal in aliases.paths[pattern])
        yield from (_inside(root, module) for root in aliases.roots)
    parts = module.split("/")
    count = 2 if module.startswith("@") else 1
    folder = index.packages.get("/".join(parts[:count]))
    if folder is not None:
        rest = parts[count:]
        yield _inside(folder, *rest)
        yield _inside(folder, "src", *rest)


def _js_file(index: FileIndex, place: str) -> str | None:
    stem, ending = posixpath.splitext(place)
    candidates = [
        *(place + one for one in _JS_ENDINGS),
        *(stem + one for one in _AS_BUILT.get(ending, ())),
        *(posixpath.join(place, f"index{one}") for one in _JS_ENDINGS),
    ]
    return index.first(iter((place, *candidates)))


def _rust(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
    del names
    found = _rust_file(index, path, module)
    if found is not None:
        yield found, ()


def _rust_file(index: FileIndex, path: str, module: str) -> str | None:
    folder, name = posixpath.split(path)
    crate = index.above(path, ("Cargo.toml",))
    source = posixpath.join(posixpath.dirname(crate), "src") if crate is not None else folder
    # Where the modules lie that this file declares.
    is_top = name in _RUST_TOPS or posixpath.basename(folder) in {"bin", "tests", "examples", "benches"}
    own = folder if is_top else posixpath.join(folder, name.removesuffix(".rs"))
    if module.startswith("path:"):
        place = _inside(folder, module.removeprefix("path:"))
        return place if place in index.files else None
    if module.startswith("mod:"):
        return _rust_module(index, posixpath.join(own, module.removeprefix("mod:")))
    first, *rest = module.removesuffix("::*").removesuffix("::self").split("::")
    if first in {"self", "super"}:
        place = own
        while first in {"self", "super"}:
            place = posixpath.dirname(place) if first == "super" else place
            first, *rest = rest or [""]
        return _rust_longest(index, place, [one for one in (first, *rest) if one], path)
    if first == "crate":
        top = index.first(iter((posixpath.join(source, "lib.rs"), posixpath.join(source, "main.rs"))))
        return _rust_longest(index, source, rest, path) or (top if top != path else None)
    child = _rust_longest(index, own, [first, *rest], path)
    if child is not None or first not in index.crates:
        return child
    source = posixpath.join(index.crates[first], "src")
    return _rust_longest(index, source, rest, path) or index.first(iter((posixpath.join(source, "lib.rs"),)))


def _rust_longest(index: FileIndex, place: str, parts: Sequence[str], path: str) -> str | None:
    """The file of the longest beginning of ``parts`` that is a module."""
    for count in range(len(parts), 0, -1):
        found = _rust_module(index, posixpath.join(place, *parts[:count]))
        if found is not None and found != path:
            return found
    return None


def _rust_module(index: FileIndex, place: str) -> str | None:
    return index.first(iter((f"{place}.rs", f"{place}/mod.rs")))


def _include(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
    del names
    name = module[1:-1]
    place = _inside(posixpath.dirname(path), name) if module.startswith('"') else None
    found = place if place in index.files else _ending(index, path, name)
    if found is not None:
        yield found, ()


def _ending(index: FileIndex, path: str, name: str) -> str | None:
    """From some folder of the project; which is not known here."""
    normal = _inside("", name)
    return index.ending(normal, path) if normal else None


def _beside(*endings: str) -> Resolve:
    """For languages that name a file relative to this one, or to some folder of the project."""

    def resolve(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
        del names
        kind, marked, rest = module.rpartition(":")
        wanted = rest if marked else module
        if kind == "file":
            wanted = wanted.lstrip("/")
        near = _inside(posixpath.dirname(path), wanted)
        found = index.first(near + end for end in ("", *endings)) if near else None
        if found is None and kind != "relative":
            found = next(filter(None, (_ending(index, path, wanted + end) for end in ("", *endings))), None)
        if found is not None:
            yield found, ()

    return resolve


def _dart(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
    if module.startswith("package:"):
        module = "lib/" + module.partition("/")[2]
    yield from _beside()(index, path, module, names)


def _lua(index: FileIndex, path: str, module: str, names: Names) -> Iterator[Meant]:
    written = module if module.endswith(".lua") else module.replace(".", "/")
    yield from _beside(".lua", "/init.lua")(index, path, written, names)


_LANGUAGES: Mapping[str, Resolve] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _javascript,
    "tsx": _javascript,
    "rust": _rust,
    "c": _include,
    "cpp": _include,
    "ruby": _beside(".rb"),
    "lua": _lua,
    "bash": _beside(),
    "dart": _dart,
    "solidity": _beside(),
}
PHP_FILES = _beside()
"""For what PHP includes by file name."""

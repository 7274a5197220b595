"""Which file an import means, in languages where packages or namespaces are named and not files.

There a file also uses what others of its own package declare, without a word. So it is looked at which names a file
mentions: an edge leads to the files that declare one of them, in a package that is imported or is its own.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from fanout_server.planning.import_files import FileIndex, folders

LANGUAGES = frozenset({"go", "java", "kotlin", "scala", "csharp", "php"})
# What these declare can be used from the others.
_FAMILIES: Mapping[str, str] = {"java": "jvm", "kotlin": "jvm", "scala": "jvm"}


@frozen
class Facts:
    """What a file says: see ``syntax.imports``. ``words`` are all words in it, in languages that find by name."""

    language: str
    imports: tuple[tuple[str, tuple[str, ...]], ...] = ()
    declares: frozenset[str] = frozenset()
    spaces: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()


@define
class Declared:
    """What the files at hand declare, by package."""

    _by_space: dict[tuple[str, str], dict[str, frozenset[str]]] = field(factory=lambda: defaultdict(dict))

    @classmethod
    def by(cls, facts: Mapping[str, Facts], index: FileIndex) -> Declared:
        made = cls()
        for path, one in facts.items():
            if one.language in LANGUAGES and one.declares:
                for space in _spaces(path, one, index):
                    made._by_space[_family(one), space][path] = one.declares
        return made

    def meant(self, path: str, facts: Facts, index: FileIndex) -> Iterator[str]:
        """The files whose declarations the file at ``path`` uses."""
        family = _family(facts)
        named: set[tuple[str, str]] = set()
        spaces = dict.fromkeys(_spaces(path, facts, index))
        for module, _ in facts.imports:
            space, _, name = module.rpartition(".")
            if facts.language == "go" or name == "*":
                spaces[module if facts.language == "go" else space] = None
                continue
            named.add((space, name))
            # A static member, or a class in a class.
            outer, _, owner = space.rpartition(".")
            named.add((outer, owner))
            if facts.language == "csharp":
                spaces[module] = None
        for space, name in named:
            yield from (one for one, names in self._by_space.get((family, space), {}).items() if name in names)
        for space in spaces:
            for one, names in self._by_space.get((family, space), {}).items():
                if not names.isdisjoint(facts.words - facts.declares):
                    yield one


def _family(facts: Facts) -> str:
    return _FAMILIES.get(facts.language, facts.language)


def _spaces(path: str, facts: Facts, index: FileIndex) -> Iterator[str]:
    if facts.language != "go":
        yield from facts.spaces or ("",)
        return
    folder = posixpath.dirname(path)
    for place in (folder, *folders(folder)):
        if place in index.go_modules:
            below = posixpath.relpath(folder or ".", place or ".")
            yield posixpath.normpath(posixpath.join(index.go_modules[place], below))
            return
    yield folder

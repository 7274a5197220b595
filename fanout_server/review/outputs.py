"""Files that units were to write and that are not there, or are empty."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from fanout_server.model import Finding, Severity, Unit

CODE = "unit/missing-output"
_PATTERN = frozenset("*?[]\\!#")
# These are empty in good order.
_EMPTY = frozenset({"__init__.py", "py.typed", ".gitkeep", ".keep", ".nojekyll", "conftest.py"})


def find(units: Collection[Unit], results: Mapping[str, Mapping[str, int | None]]) -> Iterator[Finding]:
    """``results`` has of each unit that is done the size in bytes of each file that it names; ``None`` for no file."""
    for unit in units:
        sizes = results.get(unit.id)
        if sizes is None:
            continue
        for path in named_files(unit):
            size = sizes.get(path)
            if size or (size == 0 and path.rpartition("/")[2] in _EMPTY):
                continue
            what = "is not there" if size is None else "is empty"
            message = (
                f"{unit.title} was to write '{path}', which {what} in its result. Have the unit done again, with a note"
                " that says what is missing."
            )
            yield Finding(CODE, Severity.WARNING, message, path=path, units=(unit.id,))


def named_files(unit: Unit) -> tuple[str, ...]:
    """What ``owns`` names word for word: what is a pattern may fit nothing."""
    plain = [glob.removeprefix("/") for glob in unit.owns or () if glob and _PATTERN.isdisjoint(glob)]
    return tuple(dict.fromkeys(path for path in plain if (not path.endswith("/") and "/" in path) or "." in path))

"""Whatever an agent does, the result is the same by every way, and what git itself would make of the files."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanout_server.repo import source
from fanout_server.repo.wanted import Wanted
from tests.repo import wild
from tests.repo.wild import SCRIPTS, Outcome

WAYS = [way.name for way in source.WAYS]


class Field:
    """One repository for all scripts; each has its worktrees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = wild.lay_out(folder / "checkout")
        self.state = folder / "state"
        self._place = self.state / "worktrees" / "run"
        self._place.mkdir(parents=True)
        head = self.repo.head()
        assert head is not None
        self.base = head
        self.sources = {way: source.open_source(self.repo, self.state, head, Wanted(), way) for way in WAYS}
        self._count = 0

    @functools.cache  # noqa: B019 - lives as long as the tests of this file
    def outcome(self, way: str, name: str) -> Outcome:
        return self.unleash(way, SCRIPTS[name])

    def unleash(self, way: str, script: str) -> Outcome:
        return wild.unleash(self.repo, self.sources[way], self._next(), script)

    def by_git(self, script: str) -> str:
        return wild.by_git(self.repo, self.sources["plain"], self._next(), self.folder / f"index-{self._count}", script)

    def _next(self) -> Path:
        self._count += 1
        return self._place / str(self._count)


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("wild")
    with pytest.MonkeyPatch.context() as patch:
        # As for all tests: nobody's settings.
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        (folder / "gitconfig").write_text("[user]\n\tname = Test\n\temail = test@example.invalid\n")
        made = Field(folder)
    yield made
    for one in made.sources.values():
        one.close()


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_the_same_by_every_way(name: str, field: Field) -> None:
    plain = field.outcome("plain", name)
    for way in WAYS:
        found = field.outcome(way, name)
        assert diff(field, plain.tree, found.tree) == "", way
        assert found.left == plain.left, way
    assert diff(field, field.by_git(SCRIPTS[name]), plain.tree) == ""


def diff(field: Field, old: str, new: str) -> str:
    return field.repo.git("diff-tree", "-r", "--name-status", old, new).out.decode()

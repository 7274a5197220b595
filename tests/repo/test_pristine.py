"""The pristine checkout: brought from base to base, never changed below anybody, made anew after a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fanout_server.repo import git as git_command
from fanout_server.repo import pristine
from fanout_server.repo.pristine import Ground, Pristine
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

Open = Callable[[], Pristine]


@pytest.fixture
def opened(repo: Repository, tmp_path: Path) -> Iterator[Open]:
    made: list[Pristine] = []

    def open_one() -> Pristine:
        made.append(Pristine(repo, tmp_path / "state"))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def _commit(checkout: Path, git: GitCommand, **files: str) -> str:
    for name, text in files.items():
        (checkout / name).write_text(text)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "next")
    return git(checkout, "rev-parse", "HEAD^{tree}")


def _read(ground: Ground, name: str) -> str:
    return next(lower / name for lower in ground.lowers if (lower / name).exists()).read_text()


def _is_clean(repo: Repository, ground: Ground) -> bool:
    """By the index of the ground alone, through which all worktrees look at it."""
    env = {"GIT_DIR": str(repo.git_dir), "GIT_WORK_TREE": str(ground.lowers[-1])}
    env["GIT_INDEX_FILE"] = str(ground.entry / "index")
    return git_command.run(ground.lowers[-1], "diff-files", "--raw", env=env).out == b""


def test_it_is_made_once(repo: Repository, opened: Open, git: GitCommand, checkout: Path) -> None:
    tree = git(checkout, "rev-parse", "HEAD^{tree}")
    first = opened().whole(tree)
    assert _read(first, "a.txt") == "alpha\nbeta\ngamma\n"
    assert _is_clean(repo, first)
    inode = (first.lowers[0] / "a.txt").stat().st_ino
    assert opened().layered(tree, "test") == first
    assert (first.lowers[0] / "a.txt").stat().st_ino == inode


def test_what_changed_lies_over_it(repo: Repository, opened: Open, git: GitCommand, checkout: Path) -> None:
    first = opened().layered(git(checkout, "rev-parse", "HEAD^{tree}"), "test")
    git(checkout, "rm", "-q", "b.txt")
    second = opened().layered(_commit(checkout, git, **{"a.txt": "new\n", "c.txt": "c\n"}), "test")
    assert second.lowers[1:] == first.lowers
    assert _read(second, "a.txt") == "new\n"
    assert (first.lowers[0] / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    assert sorted(path.name for path in second.lowers[0].iterdir()) == ["a.txt", "b.txt", "c.txt"]
    assert not (second.lowers[0] / "b.txt").is_file()


def test_much_change_brings_it_along_if_nobody_stands_on_it(
    repo: Repository, opened: Open, git: GitCommand, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pristine, "_MOST_IN_DELTA", 1)
    holder = opened()
    first = holder.layered(git(checkout, "rev-parse", "HEAD^{tree}"), "test")
    tree = _commit(checkout, git, **{"a.txt": "new\n", "b.txt": "new\n", "src/one.py": "new\n"})
    over = opened()
    assert len(over.layered(tree, "test").lowers) == 2
    for one in (holder, over):
        one.close()
    third = opened().layered(tree, "test")
    assert third.lowers == first.lowers
    assert _read(third, "b.txt") == "new\n"
    assert _is_clean(repo, third)


def test_a_whole_one_leaves_the_old_one_to_those_who_have_it(
    repo: Repository, opened: Open, git: GitCommand, checkout: Path
) -> None:
    holder = opened()
    first = holder.whole(git(checkout, "rev-parse", "HEAD^{tree}"))
    other = opened()
    second = other.whole(_commit(checkout, git, **{"a.txt": "new\n"}))
    assert _read(first, "a.txt") == "alpha\nbeta\ngamma\n"
    assert _read(second, "a.txt") == "new\n"
    assert _is_clean(repo, second)
    for one in (holder, other):
        one.close()
    opened()
    assert not first.lowers[0].exists()
    assert _read(second, "a.txt") == "new\n"


def test_one_that_somebody_changed_is_made_anew(
    repo: Repository, opened: Open, git: GitCommand, checkout: Path
) -> None:
    holder = opened()
    first = holder.whole(git(checkout, "rev-parse", "HEAD^{tree}"))
    (first.lowers[0] / "a.txt").write_text("somebody was here\n")
    holder.close()
    second = opened().whole(_commit(checkout, git, **{"a.txt": "new\n"}))
    assert _read(second, "a.txt") == "new\n"
    assert _is_clean(repo, second)


@pytest.mark.parametrize("when", ["-m", "--reset"])
def test_a_checkout_that_breaks_off_is_never_taken_for_one(
    when: str, repo: Repository, opened: Open, git: GitCommand, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if when == "-m":
        first = opened()
        first.whole(git(checkout, "rev-parse", "HEAD^{tree}"))
        first.close()
    tree = _commit(checkout, git, **{"a.txt": "new\n"})
    run = git_command.run

    def killed(*args: object, **more: object) -> git_command.Completed:
        done = run(*args, **more)  # type: ignore[arg-type]
        if when in args:
            raise KeyboardInterrupt
        return done

    breaking = opened()
    with monkeypatch.context() as patch:
        patch.setattr(git_command, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            breaking.whole(tree)
    breaking.close()
    ground = opened().whole(tree)
    assert _read(ground, "a.txt") == "new\n"
    assert _is_clean(repo, ground)


def test_other_settings_have_a_checkout_of_their_own(
    repo: Repository, opened: Open, git: GitCommand, checkout: Path
) -> None:
    tree = git(checkout, "rev-parse", "HEAD^{tree}")
    plain = opened().whole(tree)
    git(checkout, "config", "core.autocrlf", "true")
    turned = opened().whole(tree)
    assert plain.lowers != turned.lowers
    assert (turned.lowers[0] / "a.txt").read_bytes() == b"alpha\r\nbeta\r\ngamma\r\n"
    (checkout / ".git" / "info" / "attributes").write_text("*.txt -text\n")
    assert (opened().whole(tree).lowers[0] / "a.txt").read_bytes() == b"alpha\nbeta\ngamma\n"


def test_the_base_that_it_was_made_for_may_be_gone(
    repo: Repository, opened: Open, git: GitCommand, checkout: Path
) -> None:
    """Nothing holds an old run's base any more."""
    (checkout / "a.txt").write_text("for a while\n")
    git(checkout, "add", "-A")
    first = opened()
    first.layered(git(checkout, "write-tree"), "test")
    first.close()
    git(checkout, "reset", "-q", "--hard")
    git(checkout, "gc", "-q", "--prune=now")
    tree = git(checkout, "rev-parse", "HEAD^{tree}")
    for _ in range(2):
        ground = opened().layered(tree, "test")
        assert _read(ground, "a.txt") == "alpha\nbeta\ngamma\n"
        assert _is_clean(repo, ground)


def test_files_that_new_attributes_turn_are_written_anew(
    repo: Repository, opened: Open, git: GitCommand, checkout: Path
) -> None:
    opened().layered(git(checkout, "rev-parse", "HEAD^{tree}"), "test")
    tree = _commit(checkout, git, **{".gitattributes": "*.txt eol=crlf\n"})
    assert (opened().layered(tree, "test").lowers[0] / "b.txt").read_bytes() == b"one\r\ntwo\r\nthree\r\n"

"""What is made and then held by a ref is there, though somebody deletes what no ref holds at the worst moment."""

from __future__ import annotations

import pytest

from fanout_server.repo import commits, objects, trees
from fanout_server.repo.errors import NotKept
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

REF = "refs/fanout/run/units/a"


class _Maker:
    """Makes a commit with a new file, and cleans up after the first ``times`` of it, before its ref is set."""

    def __init__(self, repo: Repository, git: GitCommand, times: int, *, by_git: bool, packed: bool = False) -> None:
        self.repo = repo
        self.git = git
        self.times = times
        self.by_git = by_git
        self.packed = packed
        self.made = 0

    def __call__(self) -> Made[str]:
        self.made += 1
        store = objects.of(self.repo)
        head = self.repo.head()
        assert head is not None
        if self.packed:
            with store.batch():
                blob = store.write("blob", b"new\n")
                tree = trees.edit(store, store.tree_of(head), [], {"new.txt": (0o100644, blob), "n": (0o100644, blob)})
                commit = commits.create(self.repo, tree, head, "made")
            if self.made <= self.times:
                self.git(self.repo.root, "gc", "-q", "--prune=now")
            return Made(commit, {REF: commit})
        if self.by_git:
            blob = self.repo.git("hash-object", "-w", "--stdin", input=b"new\n").out.decode().strip()
        else:
            blob = store.write("blob", b"new\n")
        tree = trees.edit(store, store.tree_of(head), [], {"new.txt": (0o100644, blob)})
        if self.made <= self.times:
            self.git(self.repo.root, "gc", "-q", "--prune=now")
        commit = commits.create(self.repo, tree, head, "made")
        return Made(commit, {REF: commit}, [blob])


@pytest.mark.parametrize("how", ["in this process", "by git", "as a pack"])
def test_it_is_made_again(how: str, repo: Repository, git: GitCommand) -> None:
    maker = _Maker(repo, git, 1, by_git=how == "by git", packed=how == "as a pack")
    commit = keep(repo, maker, "A thing")
    assert maker.made == 2
    git(repo.root, "gc", "-q", "--prune=now")
    assert git(repo.root, "cat-file", "blob", f"{commit}:new.txt") == "new"


def test_it_is_given_up_in_the_end(repo: Repository, git: GitCommand) -> None:
    maker = _Maker(repo, git, 99, by_git=False)
    with pytest.raises(NotKept, match=r"A thing in .* was made 3 times"):
        keep(repo, maker, "A thing")
    assert maker.made == 3
    assert git(repo.root, "for-each-ref", "refs/fanout") == ""


def test_nothing_made_is_nothing_to_keep(repo: Repository, git: GitCommand) -> None:
    assert keep(repo, lambda: Made(None, {}), "Nothing") is None
    assert git(repo.root, "for-each-ref", "refs/fanout") == ""

"""Objects are made and a ref set to them, while somebody may run ``git gc --prune=now``: what no ref holds goes then.

Nothing locks git's objects. So after the ref is set it is looked whether all of them are still there; if not, they are
made again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from attrs import frozen

from fanout_server.repo import objects, refs
from fanout_server.repo.errors import GitFailed, NotKept
from fanout_server.repo.repository import Repository

_TRIES = 3

_Value = TypeVar("_Value")


@frozen
class Made(Generic[_Value]):
    """``refs`` are to be set to these commits. ``oids`` are objects that were made by a git process, for those made in
    this one are known.
    """

    value: _Value
    refs: Mapping[str, str]
    oids: Collection[str] = ()


def keep(repo: Repository, make: Callable[[], Made[_Value]], what: str) -> _Value:
    """What ``make`` made, once its refs are set and all of it is there. Raises NotKept, naming ``what``, GitFailed."""
    store = objects.of(repo)
    ours: set[str] = set()
    for _ in range(_TRIES):
        with objects.recording() as written:
            try:
                made = make()
                for ref, commit in made.refs.items():
                    refs.set_ref(repo, ref, commit)
                    ours.add(ref)
            except GitFailed:
                if store.missing(set(written)):
                    continue
                raise
        if not made.refs or not store.missing({*written, *made.oids}):
            return made.value
    for ref in ours:
        # A ref to what is not there would fail the user's own clean-ups.
        refs.delete_ref(repo, ref)
    raise NotKept(
        f"{what} in {repo.root} was made {_TRIES} times, and each time some of it was deleted before it was done: a"
        " 'git gc' or 'git prune' runs again and again. Wait for it or stop it, and start again."
    )

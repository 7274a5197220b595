"""Dies at every step of an apply, and at every step of taking it back, and checks what is left each time.

Run as a program of its own, with one thread, since it forks: ``python -m tests.apply.crashing FOLDER``. Prints how
often it died on the way there and on the way back.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fanout_server.apply import files
from fanout_server.apply.intent import Phase
from tests.apply import trees

# All that changes something on disk; reading can be broken off anywhere.
CHANGING = (
    "open", "write", "fsync", "rename", "link", "symlink", "unlink", "mkdir", "rmdir", "chmod", "fchmod", "utime",
)  # fmt: skip


def on_each_change(hook: Callable[[str, int], None]) -> None:
    """From now on ``hook`` is called with the name and the number of each such call, just before it."""
    count = 0

    def wrapped(name: str, real: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            hook(name, count)
            return real(*args, **named)

        return call

    for name in CHANGING:
        setattr(os, name, wrapped(name, getattr(os, name)))


def dies(step: int, work: Callable[[], object]) -> bool:
    """Does the work in another process, which kills itself before change number ``step``; ``False`` if it gets by."""
    child = os.fork()
    if child == 0:

        def hook(_name: str, number: int) -> None:
            if number == step:
                os.kill(os.getpid(), signal.SIGKILL)

        on_each_change(hook)
        try:
            work()
        except BaseException:  # noqa: BLE001 - whatever it is, the parent is to see that it was no kill
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert status == 0, "the work failed by itself"
    return False


def main(folder: Path) -> None:
    # What the system was given outlives a killed process; that it is on the disk matters when the power goes.
    os.fsync = lambda fd: None
    pristine, root, store = folder / "pristine", folder / "root", folder / "state" / "apply"
    store.parent.mkdir()
    trees.make(pristine)
    old = trees.tree(pristine)

    def fresh() -> None:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(pristine, root, symlinks=True)

    def check(*allowed: trees.Tree) -> None:
        assert trees.tree(root) in allowed, sorted(set(trees.tree(root).items()) ^ set(old.items()))
        assert not store.exists()
        assert files.recover(root, store) == ()

    fresh()
    edits = trees.edits(root)
    files.write(root, edits, store)
    new = trees.tree(root)
    assert new != old

    forward = backward = 0
    while True:
        fresh()
        if not dies(forward + 1, lambda: files.write(root, edits, store)):
            check(new)
            break
        forward += 1
        expected = new if trees.tree(root) == new and not (store / Phase.WRITING).exists() else old
        crashed = folder / "crashed"
        shutil.copytree(root, crashed, symlinks=True)
        kept = folder / "crashed-state"
        shutil.copytree(store.parent, kept, symlinks=True)
        files.recover(root, store)
        check(expected)
        if forward % 16 == 5:
            backward += die_on_the_way_back(root, store, crashed, kept, functools.partial(check, expected))
        shutil.rmtree(crashed)
        shutil.rmtree(kept)
    sys.stdout.write(f"{forward} {backward}\n")


def die_on_the_way_back(root: Path, store: Path, crashed: Path, kept: Path, check: Callable[[], None]) -> int:
    step = 0
    while True:
        shutil.rmtree(root)
        shutil.copytree(crashed, root, symlinks=True)
        shutil.rmtree(store.parent)
        shutil.copytree(kept, store.parent, symlinks=True)
        died = dies(step + 1, lambda: files.recover(root, store))
        files.recover(root, store)
        check()
        if not died:
            return step
        step += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))

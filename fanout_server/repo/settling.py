"""A checkout that nobody has worked in yet, and what git must look into there all the same.

Git does not trust an entry of its index that is as new as the index itself, to the second: the file may have been
changed once more within that second. So the first ``git status`` in each worktree on such a checkout would read all
that was written last, a third of it or more. Files two seconds older leave no doubt: whoever changes one makes it
younger.
"""

from __future__ import annotations

import os
from pathlib import Path

from fanout_server.repo import index_states
from fanout_server.repo.index_states import GITLINK

_SECOND = 1_000_000_000
_EARLIER = 2 * _SECOND


def settle(folder: Path, index: Path, oid_bytes: int) -> None:
    """Makes such files of a fresh checkout older, and has the index know. Raises OSError."""
    written = index.stat().st_mtime_ns // _SECOND
    data = bytearray(index.read_bytes())
    found = [
        entry
        for entry in index_states.entries(bytes(data), oid_bytes)
        if not entry.skipped and entry.kind != GITLINK and index_states.modified(data, entry.at) >= written
    ]
    if not found:
        return
    time = written * _SECOND - _EARLIER
    top = bytes(folder)
    with memoryview(data) as states:
        for entry in found:
            path = b"%b/%b" % (top, entry.path)
            os.utime(path, ns=(time, time), follow_symlinks=False)
            index_states.remember(states, entry.at, os.lstat(path))
        index_states.seal(states, oid_bytes)
    beside = index.with_name("settled")
    beside.write_bytes(data)
    beside.replace(index)

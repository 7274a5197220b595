"""Names that no tree may hold: the quick look at a whole path finds all that the close one at its parts does."""

from __future__ import annotations

import os
import stat

from hypothesis import example, given
from hypothesis import strategies as st

from fanout_server.repo import names

PIECES = [
    "",
    ".",
    "..",
    ".git",
    ".GIT",
    "git~1",
    "GIT~1",
    ".gitmodules",
    " ",
    ":x",
    "\\",
    "a",
    "ä",
    "\u200c",
    "\udcff",
    "\0",
]
PARTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@given(PATHS, st.sampled_from([stat.S_IFREG, stat.S_IFLNK]))
@example("", stat.S_IFREG)
@example("a/", stat.S_IFREG)
@example("a/.GIT", stat.S_IFREG)
def test_a_quick_look_is_enough(path: str, mode: int) -> None:
    link = stat.S_ISLNK(mode)
    parts = os.fsencode(path).split(b"/")
    assert names.forbidden(path, mode) == ("\0" in path or any(names._is_forbidden(one, link=link) for one in parts))

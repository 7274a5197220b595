"""Which files a unit may write."""

from __future__ import annotations

from collections.abc import Collection

import pathspec


def owns(globs: Collection[str]) -> pathspec.GitIgnoreSpec:
    """Globs of gitignore's kind, anchored at the top folder; a folder's name stands for all below it."""
    return pathspec.GitIgnoreSpec.from_lines("/" + glob.removeprefix("/") for glob in globs)

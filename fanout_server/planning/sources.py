"""What a plan calls the document that it was written in."""

from __future__ import annotations

import os
from pathlib import Path


def source_of(document: str | Path, root: Path) -> str:
    """``Plan.source`` of the document at this absolute path, for the checkout with this top folder. Blocking.

    Folders are spelled as git does, links followed; the document itself may be a link.
    """
    folder, name = os.path.split(document)
    path = Path(os.path.realpath(folder), name)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

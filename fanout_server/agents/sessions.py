"""Names of sessions, as programs tell them: each goes back to its program as an argument."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", re.ASCII)


def session_name(told: str) -> str:
    """``told``, or empty for what could be taken for an option, for a path, or for more than one argument."""
    return told if _NAME.fullmatch(told) else ""

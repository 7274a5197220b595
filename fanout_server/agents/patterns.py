"""Regular expressions of a plan, which may be a repository's, on what a program printed.

There are expressions that take Python years on a line of forty characters, and all of the server would stand still
meanwhile; no look at them tells beforehand. So a process of its own does it, which the system ends after a second.
"""

from __future__ import annotations

import json
import subprocess
import sys

# Of waiting, where the machine is busy; of work it has a second, whatever becomes of this server.
_LIMIT = 10.0

_FOUND, _NOT_FOUND = 0, 3

_PROGRAM = f"""
import resource
resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
import json, re, sys
pattern, text = json.load(sys.stdin)
sys.exit({_FOUND} if re.search(pattern, text, re.MULTILINE) else {_NOT_FOUND})
"""


def search(pattern: str, text: str) -> bool | None:
    """Whether ``pattern`` is found; ``None`` if that took too long. ``^`` and ``$`` are the ends of lines. Blocks."""
    try:
        ended = subprocess.run(
            (sys.executable, "-I", "-S", "-c", _PROGRAM),
            input=json.dumps([pattern, text]).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            timeout=_LIMIT,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return {_FOUND: True, _NOT_FOUND: False}.get(ended.returncode)

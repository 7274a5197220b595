"""What the story in every editor is about: an instruction that an agent follows to the letter, and settings for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_AGENT = Path(__file__).parents[1] / "agents" / "acp_agent.py"
EXTRA = "made_by_the_unit_of_two = True"
STRAY = "nobody owns this"


class Story:
    """``instruction`` changes what is returned, in two files. One unit leaves one more file, which it owns; each writes
    something that it does not own; and one waits until the file ``go`` is there.

    ``settings`` are an editor's for the server: the instruction is a preset of theirs, *Change*; of *Wait* runs go on
    until they are cancelled.
    """

    def __init__(self, folder: Path) -> None:
        self.go = folder / "go"
        self.instruction = f"""Change {{file}}.
shell sed -i 's/return/return 10 +/' {{file}}
shell test {{stem}} != one || sed -i s/three/four/ b.txt
shell test {{stem}} != two || (echo {EXTRA} > extra.py; echo {STRAY} > other.py)
shell test {{stem}} != two || while ! test -e {self.go}; do sleep 0.02; done"""
        self.settings: dict[str, Any] = {
            "options": {
                "agent": "acp:test",
                "command": [sys.executable, str(_AGENT)],
                "env": {"ACP_SAW": str(folder / "saw")},
                "owns": ["{file}", "extra.*"],
            },
            "presets": [
                {"title": "Change", "instruction": self.instruction},
                {"title": "Wait", "instruction": "Look at {file}.\nwait"},
            ],
        }

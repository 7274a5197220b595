"""What others wrote, put into Markdown so that it is only ever text: no link, no HTML, no heading, no second cell."""

from __future__ import annotations

import re

from fanout_server.agents.output import visible, without_escapes
from fanout_server.apply.paths import shown

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&!@$]")
# What GitHub and others make a link of by itself.
_LINKS = re.compile(r"://|\bwww\.", re.IGNORECASE)


def text(written: str, most: int | None = None) -> str:
    """On one line, also as a table's cell; of what is longer than ``most`` characters the end is left out."""
    line = " ".join(visible(" ".join(without_escapes(written).split())).split())
    if most is not None and len(line) > most:
        line = line[: most - 1] + "…"
    return _LINKS.sub(lambda found: found[0].replace(":", "\\:").replace(".", "\\."), _SPECIAL.sub(r"\\\g<0>", line))


def path(name: str, most: int | None = None) -> str:
    """A file's name as text: what cannot be shown in it is told by escapes."""
    return text(shown(name), most)


def code(written: str) -> str:
    """As a span of code, outside of tables: there a pipe would end the cell."""
    line = shown(visible(" ".join(without_escapes(written).split(" "))).replace("\n", " "))
    ticks = "`" * (_longest_run(line) + 1)
    # A blank at both ends is taken away by readers, so that a tick can stand there.
    pad = " " if line.startswith(("`", " ")) or line.endswith(("`", " ")) or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def block(written: str) -> list[str]:
    """Lines of a block of code that nothing in it can end."""
    fence = "`" * max(3, _longest_run(written) + 1)
    lines = [visible(line) for line in without_escapes(written).replace("\r\n", "\n").split("\n")]
    return [fence, *lines, fence]


def _longest_run(written: str) -> int:
    return max((len(run) for run in re.findall("`+", written)), default=0)

"""Where a value lies in JSON: ``result.usage.total``, ``items[-1].text``, ``[0]``."""

from __future__ import annotations

import re

_STEP = re.compile(r"(?:^|(?!^)\.)(?P<name>[^.\[\]]+)|\[(?P<index>-?\d{1,6})\]", re.ASCII)
_STEPS = 50


class BadPath(ValueError):
    """What is written is no path. ``str()`` says why, in words that go on a sentence."""


def parse(text: str) -> tuple[str | int, ...]:
    """Keys and indexes, from the outside in. A name may hold anything but dots and brackets.

    Raises:
        BadPath: it is none.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise BadPath(f"there is neither a name nor an index in brackets at {text[at : at + 10]!r}")
        steps.append(step["name"] if step["index"] is None else int(step["index"]))
        at = step.end()
    if not steps:
        raise BadPath("it is empty")
    if len(steps) > _STEPS:
        raise BadPath(f"it has more than {_STEPS} steps")
    return tuple(steps)

"""The demo's second plan document: eight units that do not fit together, each for a reason of its own.

Two items name overlapping lines of one file: a warning before anything is run. What the two make of line 55 cannot both
be had: a conflict that stays. Two units add the same function under two names: a duplicate. One renames what another
file imports: each file is good by itself, and only the check of all of them together sees it.
"""

from __future__ import annotations

import json
import sys

PLAN_NAME = "troubles.fanout.md"

CONFLICT = "tornado/escape.py"
DUPLICATES = ("tornado/util.py", "tornado/log.py")
CULPRIT = "tornado/_locale_data.py"
# Which of the two goes in: the first in the order of the plan.
KEPT, LEFT = b"return html.escape(to_basestring(value))", b"match[0]], to_basestring(value)"

ITEMS = (
    *DUPLICATES,
    f"{CONFLICT}:54-56",
    f"{CONFLICT}:55-55",
    CULPRIT,
    "tornado/web.py",
    "tornado/httputil.py",
    "tornado/options.py",
)

_HELPER = """\
def {name}({text}: str, {width}: int) -> str:
    {short} = []
    for {word} in {text}.split():
        if sum(map(len, {short})) + len({word}) > {width}:
            break
        {short}.append({word})
    return " ".join({short})
"""
_ONE = _HELPER.format(name="shorten", text="text", width="width", short="short", word="word")
_OTHER = _HELPER.format(name="cut_line", text="line", width="limit", short="kept", word="part")

_LOGGER = 'gen_log = logging.getLogger("tornado.general")'

# In a unit that both fit, the first goes first, so that nothing is left for the second.
_RULES = (
    ("_XHTML_ESCAPE_RE.sub($FUNCTION, to_basestring($VALUE))", "html.escape(to_basestring($VALUE))"),
    ("$MATCH.group($NUMBER)", "$MATCH[$NUMBER]"),
    ("bytes_type = bytes", f"bytes_type = bytes\n\n\n{_ONE}\n"),
    (_LOGGER, f"{_LOGGER}\n\n\n{_OTHER}\n"),
    ("LOCALE_NAMES = $NAMES", "NAMES_OF_LOCALES = $NAMES"),
)

_CHECK = (
    sys.executable,
    "-I",
    "-B",
    "-c",
    "import sys; sys.path.insert(0, '.'); import tornado.escape, tornado.locale, tornado.log",
)


def plan_text() -> str:
    """The plan document. Only the built-in agent does what it is made for."""
    lines = [
        "---",
        "agent: rewrite",
        "apply: later",
        f"check: {json.dumps(_CHECK)}",
        "rewrite:",
        *(f"  - {{pattern: {json.dumps(pattern)}, to: {json.dumps(to)}}}" for pattern, to in _RULES),
        "---",
        "Use what the standard library has in {file}.",
        "",
        *(f"- {item}" for item in ITEMS),
    ]
    return "\n".join(lines) + "\n"

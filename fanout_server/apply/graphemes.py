"""Where a text may be cut without tearing apart what a person sees as one character.

A part of Unicode's rules (UAX 29), on the safe side: combining marks, joined and coloured emoji, flags, Hangul made of
letters, and a carriage return with its line feed.
"""

from __future__ import annotations

import unicodedata

_MARKS = frozenset({"Mn", "Mc", "Me"})
_ZERO_WIDTH_JOINER = "\u200d"
_JOINERS = "\u200c\u200d"
_FIRST_MARK = "\u0300"


def may_cut(text: str, at: int) -> bool:
    """Whether the character before ``at`` and the one behind it are two."""
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before in "\r\n":
        return (before, after) != ("\r", "\n")
    if after < _FIRST_MARK:
        return True
    return not (
        before == _ZERO_WIDTH_JOINER
        or after in _JOINERS
        or unicodedata.category(after) in _MARKS
        or _is_modifier(after)
        or (_is_flag_letter(before) and _is_flag_letter(after))
        or _is_later_jamo(after)
    )


def _is_modifier(char: str) -> bool:
    """Skin colours, and the tags behind a flag."""
    return "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f"


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_later_jamo(char: str) -> bool:
    """A vowel or a final consonant: it belongs to the letter before it."""
    return "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7fb"

"""A file that was left alone, since the user and the run changed the same lines, as the user now wants to have it."""

from __future__ import annotations

from attrs import evolve

from fanout_server.apply import lineends, threeway
from fanout_server.apply.content import Content
from fanout_server.apply.paths import shown
from fanout_server.apply.splice import splice
from fanout_server.apply.text import Text, decode, encode
from fanout_server.apply.threeway import Choice
from fanout_server.model import FanoutError

__all__ = ["Choice", "Unresolvable", "resolve"]

_NOTHING = Text("")


class Unresolvable(FanoutError):
    """The choice cannot be carried out; the text says why and what to do instead."""


def resolve(
    path: str, base: Content | None, now: Content | None, new: Content | None, choice: Choice
) -> Content | None:
    """What the file becomes, ``None`` where it goes: the user has ``now``, the run made ``new`` of ``base``.

    Where only one side changed the lines, that change is in it whatever the choice. Raises Unresolvable.
    """
    if now is None or new is None:
        if choice is Choice.BOTH:
            raise Unresolvable(f"Of '{shown(path)}' one side is gone, so there are no two to keep. Choose one.")
        return now if choice is Choice.MINE else new
    old = base.data if base is not None else b""
    texts = None if any(one.is_link for one in (now, new)) else _texts(old, now.data, new.data)
    if texts is None:
        if choice is Choice.BOTH:
            raise Unresolvable(f"'{shown(path)}' is no text, so both sides cannot be in it. Choose one.")
        return now if choice is Choice.MINE else new
    return evolve(now, data=_merged(*texts, choice))


def _texts(*data: bytes) -> tuple[Text, Text, Text] | None:
    base, now, new = (decode(one) if one else _NOTHING for one in data)
    return None if base is None or now is None or new is None else (base, now, new)


def _merged(base: Text, now: Text, new: Text, choice: Choice) -> bytes:
    """In the encoding and with the line ends that the user has."""
    ours = now.text.encode()
    ends = lineends.of(ours)
    old, theirs = base.text.encode(), new.text.encode()
    if ends and lineends.of(old or theirs) not in {b"", ends}:
        old, theirs = (lineends.unified(one, ends) for one in (old, theirs))
    merged = splice(ours, threeway.resolve(old, ours, theirs, choice))
    return encode(Text(merged.decode(), now.encoding, now.bom))

"""What the run started from, what the user has now and what the run made of it -> one content, or why there is none."""

from __future__ import annotations

from attrs import evolve, frozen

from fanout_server.apply import lineends, threeway
from fanout_server.apply.content import Content
from fanout_server.apply.splice import splice
from fanout_server.apply.text import Text, decode, encode, range_of
from fanout_server.model import Range


@frozen
class Combined:
    """``content`` is ``None`` where the file is to go."""

    content: Content | None


@frozen
class Clash:
    """``reason`` is a clause without a full stop; ``ranges`` are the lines in the user's text that it is about.

    ``path`` is where that text is, if under another name than the result's.
    """

    reason: str
    ranges: tuple[Range, ...] = ()
    path: str | None = None


def combine(base: Content | None, now: Content | None, new: Content | None) -> Combined | Clash:
    """Nothing that the user changed since ``base`` is lost: it is in what comes out, or it is a clash."""
    if now in (base, new):
        return Combined(new)
    if base is None or now is None or new is None:
        return _with_one_missing(base, now, new)
    if base.is_link or now.is_link or new.is_link:
        return Clash("it is or was a symbolic link, and you have changed it since")
    mode = new.mode if now.mode == base.mode else now.mode
    data = _combined_data(base.data, now.data, new.data)
    return data if isinstance(data, Clash) else Combined(Content(mode, data))


def _with_one_missing(base: Content | None, now: Content | None, new: Content | None) -> Combined | Clash:
    if base is None:
        if now is not None and new is not None and _same_data(now, new):
            # Where git does not heed the executable bit the disk may show it on any file, so that is no difference.
            return Combined(evolve(new, mode=max(now.mode, new.mode)))
        return Clash("you have another file of this name")
    if now is None:
        return Clash("you have deleted or renamed it since")
    if _same_data(now, base):
        return Combined(new)
    return Clash("it was to go, but you have edited it since")


def _same_data(one: Content, other: Content) -> bool:
    return one.is_link == other.is_link and one.data == other.data


def _combined_data(base: bytes, now: bytes, new: bytes) -> bytes | Clash:
    if base in (now, new) or now == new:
        return new if now == base else now
    if any(_is_binary(data) for data in (base, now, new)):
        return Clash("it is no text, and you have changed it since")
    ends = lineends.of(now)
    if ends and lineends.of(base) not in {b"", ends}:
        # A checkout would turn the line ends (core.autocrlf), but the user's file has others: theirs are kept.
        base, new = (lineends.unified(data, ends) for data in (base, new))
        if now == base:
            return new
    return _merged_wide(base, now, new) or _merged(base, now, new)


def _is_binary(data: bytes) -> bool:
    """A text in an 8-bit encoding that we cannot name is still lines of bytes; one with NUL bytes in it is not."""
    return b"\0" in data and decode(data) is None


def _merged(base: bytes, now: bytes, new: bytes) -> bytes | Clash:
    merged = threeway.merge(base, now, new)
    if isinstance(merged, threeway.Conflict):
        return _clash(now, merged)
    return splice(now, merged)


def _merged_wide(base: bytes, now: bytes, new: bytes) -> bytes | Clash | None:
    """UTF-16 and UTF-32 are merged as UTF-8, since their line ends are not one byte; ``None`` for other texts."""
    if len({_encoding(data) for data in (base, now, new) if not data.isascii()}) > 1:
        return Clash("its encoding was changed, so that the lines cannot be compared")
    texts = [decode(data) for data in (base, now, new)]
    if all(text is None or text.encoding == "utf-8" for text in texts):
        return None
    base_text, now_text, new_text = (text for text in texts if text)
    plain = now_text.text.encode()
    merged = threeway.merge(base_text.text.encode(), plain, new_text.text.encode())
    if isinstance(merged, threeway.Conflict):
        return _clash(plain, merged)
    return encode(Text(splice(plain, merged).decode(), now_text.encoding, now_text.bom))


def _encoding(data: bytes) -> str:
    text = decode(data)
    return text.encoding if text else "unknown"


def _clash(now: bytes, conflict: threeway.Conflict) -> Clash:
    ranges = tuple(range_of(now, region.start, region.end) for region in conflict.regions)
    return Clash("you have changed the same lines", ranges)

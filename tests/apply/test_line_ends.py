"""A file whose line ends differ from what a checkout would write, as with core.autocrlf: the user's are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.apply.combine import Clash, Combined, combine
from fanout_server.apply.content import REGULAR, Content


def _content(data: bytes) -> Content:
    return Content(REGULAR, data)


@pytest.mark.parametrize(
    ("base", "now", "new", "wanted"),
    [
        (b"a\r\nb\r\n", b"a\nb\n", b"a\r\nb\r\nc\n", b"a\nb\nc\n"),
        (b"a\nb\n", b"a\r\nb\r\n", b"a\nX\n", b"a\r\nX\r\n"),
        (b"a\r\nb\r\nc\r\n", b"mine\nb\nc\n", b"a\r\nb\r\ntheirs\r\n", b"mine\nb\ntheirs\n"),
    ],
    ids=["appended", "the other way", "both sides"],
)
def test_the_users_are_kept(base: bytes, now: bytes, new: bytes, wanted: bytes) -> None:
    assert combine(_content(base), _content(now), _content(new)) == Combined(_content(wanted))


def test_where_they_are_mixed_they_are_text_like_any_other() -> None:
    base, now, new = b"a\r\nb\n", b"a\nb\n", b"X\r\nb\n"
    assert isinstance(combine(_content(base), _content(now), _content(new)), Clash)


@given(st.lists(st.sampled_from([b"a", b"b", b""])), st.lists(st.sampled_from([b"a", b"c", b""])))
def test_turned_ends_alone_never_clash(old: list[bytes], new: list[bytes]) -> None:
    base, made = (b"".join(line + b"\r\n" for line in lines) for lines in (old, new))
    combined = combine(_content(base), _content(base.replace(b"\r\n", b"\n")), _content(made))
    assert combined == Combined(_content(made.replace(b"\r\n", b"\n") if base else made))

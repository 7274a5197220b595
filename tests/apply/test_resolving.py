"""A file that both changed becomes what the user chooses, whatever it is made of."""

from __future__ import annotations

import codecs

import pytest

from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content
from fanout_server.apply.resolving import Choice, Unresolvable, resolve


def content(data: str | bytes, mode: int = REGULAR) -> Content:
    return Content(mode, data.encode() if isinstance(data, str) else data)


def wide(text: str) -> bytes:
    return codecs.BOM_UTF16_LE + text.encode("utf-16-le")


BASE, NOW, NEW = "1\n2\n3\n", "1\nmine\n3\n", "1\ntheirs\n3\n4\n"
MADE = {
    Choice.MINE: "1\nmine\n3\n4\n",
    Choice.THEIRS: "1\ntheirs\n3\n4\n",
    Choice.BOTH: "1\nmine\ntheirs\n3\n4\n",
}


@pytest.mark.parametrize("choice", MADE)
def test_lines_that_both_changed_are_chosen_and_the_others_come_in(choice: Choice) -> None:
    now = content(NOW, EXECUTABLE)
    assert resolve("a", content(BASE), now, content(NEW), choice) == content(MADE[choice], EXECUTABLE)


@pytest.mark.parametrize("choice", MADE)
def test_the_encoding_and_the_line_ends_are_the_users(choice: Choice) -> None:
    made = resolve("a", content(wide(BASE)), content(wide(NOW)), content(wide(NEW)), choice)
    assert made == content(wide(MADE[choice]))
    crlf = NOW.replace("\n", "\r\n")
    made = resolve("a", content(BASE), content(crlf), content(NEW), choice)
    assert made == content(MADE[choice].replace("\n", "\r\n"))


@pytest.mark.parametrize(
    ("base", "now", "new"),
    [
        (content("x"), content("y"), None),
        (content("x"), None, content("z")),
        (content(b"\0x"), content(b"\0y"), content(b"\0z")),
        (content("x"), content("y"), content(b"\xff")),
        (content("x", SYMLINK), content("y", SYMLINK), content("z", SYMLINK)),
    ],
)
def test_what_cannot_be_mixed_is_one_or_the_other(
    base: Content | None, now: Content | None, new: Content | None
) -> None:
    assert resolve("a", base, now, new, Choice.MINE) == now
    assert resolve("a", base, now, new, Choice.THEIRS) == new
    with pytest.raises(Unresolvable, match=r"'a' .*Choose one\."):
        resolve("a", base, now, new, Choice.BOTH)


def test_two_new_files_of_one_name() -> None:
    assert resolve("a", None, content("mine\n"), content("theirs\n"), Choice.BOTH) == content("mine\ntheirs\n")
    assert resolve("a", None, content("mine\n"), content("theirs\n"), Choice.MINE) == content("mine\n")

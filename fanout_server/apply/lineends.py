"""The line ends of a text that has one kind of them."""

from __future__ import annotations


def of(data: bytes) -> bytes:
    """The one kind that all lines have; empty where there are several, or others than these two."""
    both, plain = data.count(b"\r\n"), data.count(b"\n")
    if data.count(b"\r") != both or b"\0" in data or both not in {0, plain}:
        return b""
    return (b"\r\n" if both else b"\n") if plain else b""


def unified(data: bytes, ends: bytes) -> bytes:
    """With ``ends`` for each line end."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", ends)

"""File URIs to paths and back, byte for byte: names with spaces, percent signs and bytes that are not UTF-8 survive."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from fanout_server.model import FanoutError

# What a path part may hold unescaped (RFC 3986); a client's own spelling of a URI may differ, so URIs are not compared.
_UNESCAPED = "/!$&'()*+,;=:@~"


def to_path(uri: str) -> str | None:
    """The absolute path of a ``file:`` URI (surrogate escapes for odd bytes), ``None`` for any other URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme.lower() != "file" or parts.netloc.lower() not in {"", "localhost"}:
        return None
    # urlsplit takes "?" and "#" off. A client that left them unescaped meant them as part of the name.
    text = parts.path
    if parts.query:
        text += "?" + parts.query
    if parts.fragment:
        text += "#" + parts.fragment
    path = os.fsdecode(unquote_to_bytes(text.encode("utf-8", "surrogateescape")))
    if not path.startswith("/") or "\0" in path:
        return None
    return os.path.normpath(path)


def in_checkout(root: str | Path, uris: Iterable[str]) -> tuple[str, ...]:
    """The uris of files as paths in the checkout at ``root``. Blocking. Raises FanoutError for one that is elsewhere.

    Links are followed, but for the last part: a link is a file of its own.
    """
    found: list[str] = []
    for uri in uris:
        path = to_path(uri)
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) if path else ""  # noqa: PTH118, PTH119, PTH120 - pathlib has no such realpath
        if not real.startswith(f"{root}/"):
            raise FanoutError(f"{uri} is no file of the repository at {root}. Name files that the run changed.")
        found.append(real[len(f"{root}/") :])
    return tuple(found)


def from_path(path: str) -> str:
    """The ``file:`` URI of an absolute path."""
    return "file://" + quote_from_bytes(os.fsencode(path), safe=_UNESCAPED)

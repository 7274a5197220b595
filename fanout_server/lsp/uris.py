"""File URIs to paths and back, byte for byte: names with spaces, percent signs and bytes that are not UTF-8 survive."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

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


def from_path(path: str) -> str:
    """The ``file:`` URI of an absolute path."""
    return "file://" + quote_from_bytes(os.fsencode(path), safe=_UNESCAPED)

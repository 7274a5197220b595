"""File contents in and out of the object store."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence

from fanout_server.repo import commits, objects, trees
from fanout_server.repo.repository import Repository


def read(repo: Repository, items: Sequence[tuple[str, str]], *, filters: bool) -> list[bytes]:
    """The blobs of (oid, path), in order; with ``filters`` as a checkout would write them at that path.

    Symbolic links are to be read without: their target is no text. Raises GitFailed where a blob is missing.
    """
    if not filters:
        store = objects.of(repo)
        return [store.read_blob(oid) for oid, _ in items]
    in_lines = [item for item in items if _fits_a_line(item[1])]
    found = dict(zip(in_lines, _filtered(repo, in_lines), strict=True))
    for oid, path in set(items) - set(in_lines):
        found[oid, path] = _one(repo, oid, path)
    return [found[item] for item in items]


def write(repo: Repository, data: Sequence[bytes]) -> list[str]:
    """Stores the bytes as they are; their oids, in order."""
    store = objects.of(repo)
    return [store.write("blob", content) for content in data]


def commit_files(repo: Repository, files: Mapping[str, tuple[int, bytes]], parent: str | None, message: str) -> str:
    """A commit whose whole tree is ``files``: path -> (mode, bytes as they are)."""
    store = objects.of(repo)
    put = {path: (mode, store.write("blob", data)) for path, (mode, data) in files.items()}
    return commits.create(repo, trees.edit(store, store.write("tree", b""), (), put), parent, message)


def _filtered(repo: Repository, items: Sequence[tuple[str, str]]) -> list[bytes]:
    if not items:
        return []
    # A header's size is that before filters, so it cannot tell where a content ends; a word nobody knows can.
    mark = secrets.token_hex(24)
    asked = b"".join(os.fsencode(f"{oid} {path}\n") for oid, path in items)
    told = repo.git("cat-file", f"--batch={mark} %(objecttype)", "--filters", input=asked)
    head = b"\n%s blob\n" % mark.encode()
    contents = (b"\n" + told.out).removesuffix(b"\n").split(head)[1:]
    if len(contents) != len(items):
        # Something is missing or no blob: one by one, git says which.
        return [_one(repo, oid, path) for oid, path in items]
    return contents


def _one(repo: Repository, oid: str, path: str) -> bytes:
    return repo.git("cat-file", "--filters", f"--path={path}", oid).out


def _fits_a_line(path: str) -> bool:
    """``cat-file --batch`` drops white space before a path and a carriage return after it."""
    return bool(path) and "\n" not in path and path[0] not in " \t" and path[-1] != "\r"

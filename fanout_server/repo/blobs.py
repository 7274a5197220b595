"""File contents in and out of the object store."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from fanout_server.repo import commits, index
from fanout_server.repo.repository import Repository


def read(repo: Repository, items: Sequence[tuple[str, str]], *, filters: bool) -> list[bytes]:
    """The blobs of (oid, path), in order; with ``filters`` as a checkout would write them at that path.

    Symbolic links are to be read without: their target is no text. Raises GitFailed where a blob is missing.
    """
    plain = [item for item in items if not filters or _fits_a_line(item[1])]
    found = dict(zip(plain, _batch(repo, plain, filters=filters), strict=True))
    for oid, path in set(items) - set(plain):
        found[oid, path] = repo.git("cat-file", "--filters", f"--path={path}", oid).out
    return [found[item] for item in items]


def write(repo: Repository, data: Sequence[bytes]) -> list[str]:
    """Stores the bytes as they are; their oids, in order."""
    if not data:
        return []
    with index.temporary_folder(repo) as folder:
        names = [os.fsencode(folder / str(number)) for number in range(len(data))]
        for name, content in zip(names, data, strict=True):
            Path(os.fsdecode(name)).write_bytes(content)
        if b"\n" not in names[0]:
            return _hash(repo, "--stdin-paths", b"\n".join(names) + b"\n")
    # The repository's own path holds a newline, and git takes one path a line.
    return [_hash(repo, "--stdin", content)[0] for content in data]


def commit_files(repo: Repository, files: Mapping[str, tuple[int, bytes]], parent: str | None, message: str) -> str:
    """A commit whose whole tree is ``files``: path -> (mode, bytes as they are)."""
    oids = write(repo, [data for _, data in files.values()])
    entries = {path: (mode, oid) for (path, (mode, _)), oid in zip(files.items(), oids, strict=True)}
    with index.view(repo, repo.root) as empty:
        empty.put(entries)
        return commits.create(repo, empty.write_tree(), parent, message)


def _batch(repo: Repository, items: Sequence[tuple[str, str]], *, filters: bool) -> list[bytes]:
    if not items:
        return []
    # A header's size is that before filters, so it cannot tell where a content ends; a word nobody knows can.
    mark = secrets.token_hex(24)
    asked = b"".join(os.fsencode(f"{oid} {path}\n" if filters else f"{oid}\n") for oid, path in items)
    options = (f"--batch={mark} %(objecttype)", *(("--filters",) if filters else ()))
    told = repo.git("cat-file", *options, input=asked)
    head = b"\n%s blob\n" % mark.encode()
    contents = (b"\n" + told.out).removesuffix(b"\n").split(head)[1:]
    if len(contents) != len(items):
        # Something is missing or no blob: one by one, git says which.
        return [repo.git("cat-file", *_one(oid, path, filters=filters)).out for oid, path in items]
    return contents


def _one(oid: str, path: str, *, filters: bool) -> tuple[str, ...]:
    return ("--filters", f"--path={path}", oid) if filters else ("blob", oid)


def _fits_a_line(path: str) -> bool:
    """``cat-file --batch`` drops white space before a path and a carriage return after it."""
    return bool(path) and "\n" not in path and path[0] not in " \t" and path[-1] != "\r"


def _hash(repo: Repository, source: str, given: bytes) -> list[str]:
    return repo.git("hash-object", "-w", "--no-filters", source, input=given).out.decode().split()

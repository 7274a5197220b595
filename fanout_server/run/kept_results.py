"""Results that are kept for later runs: a file for each in the state folder, so many bytes in all. Blocking.

Any number of processes share the folder. Each file is written beside and then renamed; one that is not what it was is
thrown away, and is only missed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cattrs
from attrs import frozen

from fanout_server import codec
from fanout_server.repo.carrying import Carried
from fanout_server.repo.changes import Change
from fanout_server.review.answers import Answer

_log = logging.getLogger(__name__)

_FORMAT = 1
_KEY = re.compile(r"[0-9a-f]{64}-[0-9a-f]{64}")
# The first line of a file is as long as there are files in the result.
_LONGEST_HEAD = 50_000_000
# What a process that was killed left half-written.
_HALF, _HALF_SECONDS = ".half", 3600.0


@frozen
class Kept:
    """What a unit of ``run`` came to, at the time ``at``: changes of files, or the ``answer`` of one that reviews."""

    run: str
    unit: str
    at: float
    carried: Carried | None = None
    answer: Answer | None = None


class KeptResults:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all_keys(self) -> frozenset[str]:
        """Of all that is kept now."""
        return frozenset(path.name for path, _ in self._files() if _KEY.fullmatch(path.name))

    def head(self, key: str) -> Kept | None:
        """As ``get``, but without the contents of files."""
        return self._read(key, whole=False)

    def get(self, key: str) -> Kept | None:
        """``None`` where nothing is kept under the key. It is the last to be thrown away from now on."""
        found = self._read(key, whole=True)
        if found is not None:
            with contextlib.suppress(OSError):
                os.utime(self._path(key))
        return found

    def put(self, key: str, kept: Kept) -> None:
        """Takes the place of what was kept under the key. Raises OSError."""
        path = self._path(key)
        half = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_HALF}")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        try:
            half.write_bytes(_packed(kept))
            half.rename(path)
        except BaseException:
            with contextlib.suppress(OSError):
                half.unlink()
            raise

    def forget(self, keys: Iterable[str]) -> None:
        """These results are not wanted again. Raises OSError."""
        for key in keys:
            if key:
                self._path(key).unlink(missing_ok=True)

    def shrink(self, most: int, now: float) -> None:
        """Throws away what was used longest ago, until no more than ``most`` bytes are left. Raises OSError."""
        files = []
        for path, seen in self._files():
            if path.suffix == _HALF:
                if now - seen.st_mtime > _HALF_SECONDS:
                    path.unlink(missing_ok=True)
            else:
                files.append((seen.st_mtime, max(seen.st_size, seen.st_blocks * 512), path))
        left = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if left <= most:
                return
            path.unlink(missing_ok=True)
            left -= size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in self._folder.glob("??"):
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    yield path, path.stat()

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of a result")
        return self._folder / key[:2] / key

    def _read(self, key: str, *, whole: bool) -> Kept | None:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                head = file.readline(_LONGEST_HEAD)
                body = file.read() if whole else None
            return _unpacked(head, body)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, zlib.error, cattrs.BaseValidationError) as error:
            _log.warning("What is kept in %s cannot be read, and is not taken: %s", path, error)
            return None


def _packed(kept: Kept) -> bytes:
    """A line of JSON, then the contents of files one after the other, compressed."""
    carried = kept.carried
    blobs = {} if carried is None else carried.blobs
    body = zlib.compress(b"".join(blobs.values()), 1)
    head: dict[str, Any] = {
        "format": _FORMAT,
        "run": kept.run,
        "unit": kept.unit,
        "at": kept.at,
        "answer": None if kept.answer is None else codec.to_dict(kept.answer),
        "blobs": [[oid, len(data)] for oid, data in blobs.items()],
        "sum": hashlib.sha256(body).hexdigest(),
    }
    if carried is not None:
        head["changes"] = [codec.to_dict(change) for change in carried.changes]
    # Escaped, so that odd bytes of paths have a form, too.
    return json.dumps(head, separators=(",", ":")).encode("ascii") + b"\n" + body


def _unpacked(line: bytes, body: bytes | None) -> Kept:
    """Raises ValueError and others for what is not whole."""
    head = json.loads(line)
    if head["format"] != _FORMAT:
        raise ValueError(f"its format is {head['format']}")
    blobs: dict[str, bytes] = {}
    if body is not None:
        if hashlib.sha256(body).hexdigest() != head["sum"]:
            raise ValueError("its contents are not those that were written")
        data, at = zlib.decompress(body), 0
        for oid, size in head["blobs"]:
            blobs[oid] = data[at : at + size]
            at += size
    carried = None
    if "changes" in head:
        changes = tuple(codec.from_dict(change, Change) for change in head["changes"])
        carried = Carried(changes, blobs)
    answer = None if head["answer"] is None else codec.from_dict(head["answer"], Answer)
    return Kept(head["run"], head["unit"], head["at"], carried, answer)

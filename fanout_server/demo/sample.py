"""The sample project: the published source of Tornado 6.0.4, made into a repository with one uncommitted edit.

The source comes from the package index that this machine's pip is set to, pinned by hash, and is kept for the next
time: a second demo needs no network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fanout_server import model
from fanout_server.repo import git

NAME = "tornado"
TITLE = "Tornado 6.0.4"
ARCHIVE = "tornado-6.0.4.tar.gz"
DIGEST = "0fe2d45ba43b00a41cd73f8be321a44936dc1aba233dee979f17a042b83eb6dc"

# The file with the user's uncommitted edit; the migration changes other lines of it.
EDITED = "tornado/locale.py"
EDIT = "# A line that was typed by hand and is not committed yet.\n"
_EDIT_BEFORE = "class Locale(object):\n"

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_BUILD_CONSTRAINTS = Path(__file__).with_name("build-constraints.txt")
_MARK = "fanout-demo"
_DOWNLOAD_SECONDS = 300.0
_LONGEST_SOURCE = 64 * 1024 * 1024
_IDENTITY = ("-c", "user.name=fanout demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgSign=false")


class NoSample(model.FanoutError):
    """The sample project cannot be had or made; the text says why and what to do."""


def fetch(folder: Path) -> Path:
    """The archive, from ``folder`` where an earlier demo left it, else from the package index. Raises NoSample."""
    kept = folder / ARCHIVE
    if kept.is_file() and _digest(kept) == DIGEST:
        return kept
    if importlib.util.find_spec("pip") is None:
        raise NoSample(
            f"The demo fetches {TITLE} with pip, which this Python does not have."
            f" '{sys.executable} -m ensurepip' adds it; then run the demo again."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=folder) as name:
        _download(Path(name))
        fetched = Path(name, ARCHIVE)
        if not fetched.is_file() or _digest(fetched) != DIGEST:
            raise NoSample(f"What pip fetched is not the {ARCHIVE} that the demo knows, so it is not used.")
        fetched.replace(kept)
    return kept


def _download(folder: Path) -> None:
    """With pip, which reads a source's metadata by starting its build, for which it fetches setuptools."""
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    argv += ["--no-deps", "--no-binary", NAME, "--require-hashes", "--requirement", str(_REQUIREMENTS)]
    # The former name is that of pip before 25.3.
    constrained = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), str(_BUILD_CONSTRAINTS))
    try:
        done = subprocess.run(
            [*argv, "--dest", str(folder)],
            env={**os.environ, **constrained},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NoSample(
            f"pip did not fetch {TITLE} within {_DOWNLOAD_SECONDS / 60:.0f} minutes. Check the network, then run the"
            " demo again."
        ) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["it did not say why"]
        raise NoSample(
            f"pip could not fetch {TITLE}: {errors[-1]} Check the network and the package index that pip is set to"
            " ('pip config list'), then run the demo again."
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_place(place: Path) -> None:
    """An empty folder, in the place of an earlier demo's. Raises NoSample where somebody else's files are."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise NoSample(f"{place} is no folder, so the demo cannot use it. Name another with --dir.")
    if place.is_dir() and any(place.iterdir()):
        if not (place / ".git" / _MARK).is_file():
            raise NoSample(
                f"{place} is not empty and was not made by the demo, so it is left alone."
                " Name another folder with --dir."
            )
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)


def make_repository(archive: Path, place: Path, plans: Mapping[str, str]) -> None:
    """Unpacks the archive into the empty folder ``place``, adds the plan documents, commits, and makes the edit."""
    git.run(place, "init", "--quiet", "--initial-branch=main")
    # At once, so that a demo that ends half way can be made anew.
    (place / ".git" / _MARK).write_text("made by 'fanout demo', which may delete all of it\n")
    unpack(archive, place)
    for name, plan in plans.items():
        (place / name).write_text(plan, encoding="utf-8")
    git.run(place, "add", "--all")
    git.run(place, *_IDENTITY, "commit", "--quiet", "--message", f"{TITLE}, as published")
    edited = place / EDITED
    text = edited.read_text(encoding="utf-8")
    if text.count(_EDIT_BEFORE) != 1:
        raise NoSample(f"{EDITED} in {archive} is not what the demo knows.")
    edited.write_text(text.replace(_EDIT_BEFORE, EDIT + _EDIT_BEFORE), encoding="utf-8")


def unpack(archive: Path, place: Path) -> None:
    """The plain files of the archive, less the folder they all lie in. Raises NoSample for a name that leads out.

    By hand, as the first releases of Python 3.11 have no extraction filter.
    """
    room = _LONGEST_SOURCE
    try:
        with tarfile.open(archive, "r:gz") as source:
            for member in source:
                parts = Path(member.name).parts
                if member.name.startswith("/") or ".." in parts or ".git" in parts:
                    raise NoSample(f"{archive} holds a file that leads out of its folder: {member.name!r}.")
                data = source.extractfile(member) if member.isfile() else None
                if data is None or not parts[1:]:
                    continue
                room -= member.size
                if room < 0:
                    raise NoSample(f"{archive} unpacks to more than {_LONGEST_SOURCE // 2**20} MB.")
                path = place.joinpath(*parts[1:])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data.read())
                path.chmod(0o755 if member.mode & 0o100 else 0o644)
    except (tarfile.TarError, EOFError) as error:
        raise NoSample(f"{archive} cannot be unpacked: {error}. Delete it, then run the demo again.") from error

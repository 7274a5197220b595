"""A repository to measure on: the same for a seed, and in what costs time like a real one.

Folders lie in each other, some hold two files and some fifty; sizes are log-normal (half of the files below 3 KB, one
in a hundred above 50 KB); the text compresses about as source code does. All is in one pack, as after a clone.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from attrs import frozen

_FILES_PER_FOLDER = 14
_DEEPEST = 7
_SPREAD_TOP = 20
_MEDIAN_BYTES, _SIGMA, _MOST_BYTES = 3000, 1.25, 400_000
_SUFFIXES = (".py", ".py", ".c", ".c", ".h", ".js", ".ts", ".md", ".json", ".txt", ".rst", ".png")
_IGNORE = b"*.o\n*.log\n*.pyc\n__pycache__/\nbuild/\ndist/\nnode_modules/\n.env\n"
_NESTED_IGNORE = b"/generated-*\n*.tmp\n!keep.tmp\n"
_ATTRIBUTES = b"* text=auto\n*.png binary\n*.jpg binary\n*.sh text eol=lf\n"


@frozen
class Made:
    """``files`` are the text files that units may work on, in an order without meaning; ``head`` is the only commit."""

    root: Path
    head: str
    files: tuple[str, ...]


def make(root: Path, files: int, seed: int = 7) -> Made:
    """A checkout at ``root``, with ``files`` files."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name, value in (("gc.auto", "0"), ("maintenance.auto", "false"), ("user.name", "bench"), ("user.email", "b@b")):
        git(root, "config", name, value)
    dice = random.Random(seed)
    paths = _paths(dice, files)
    importing = subprocess.Popen(["git", "fast-import", "--quiet", "--done"], cwd=root, stdin=subprocess.PIPE)
    assert importing.stdin is not None  # noqa: S101 - it was asked for
    with importing.stdin as stream:
        _import(stream, dice, paths)
    if importing.wait() != 0:
        raise subprocess.CalledProcessError(importing.returncode, "git fast-import")
    git(root, "reset", "-q", "--hard")
    worked_on = [path for path in paths if path.endswith(_SUFFIXES[:-1])]
    dice.shuffle(worked_on)
    return Made(root, git(root, "rev-parse", "HEAD").decode().strip(), tuple(worked_on))


def git(cwd: Path, *args: str, check: bool = True) -> bytes:
    """What a command of plain git prints."""
    return subprocess.run(
        ["git", *args], cwd=cwd, check=check, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ).stdout


def checkout_bytes(folder: Path) -> int:
    """What a folder and all below it take on disk."""
    total = folder.lstat().st_blocks * 512
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as listed:
            for one in listed:
                total += one.stat(follow_symlinks=False).st_blocks * 512
                if one.is_dir(follow_symlinks=False):
                    waiting.append(one.path)
    return total


def _paths(dice: random.Random, files: int) -> list[str]:
    """Sorted, without the few rules beside them."""
    folders = [""]
    depths = [0]
    while len(folders) < files // _FILES_PER_FOLDER:
        above = 0 if len(folders) <= _SPREAD_TOP else dice.randrange(1, len(folders))
        if depths[above] < _DEEPEST:
            folders.append(f"{folders[above]}{_word(dice)}{len(folders)}/")
            depths.append(depths[above] + 1)
    # Few folders are full, most have a handful; the top one is among them.
    weights = list(itertools.accumulate(dice.lognormvariate(0, 1) for _ in folders))
    found: set[str] = set()
    while len(found) < files:
        (folder,) = dice.choices(folders, cum_weights=weights)
        found.add(f"{folder}{_word(dice)}_{dice.randrange(10**5)}{dice.choice(_SUFFIXES)}")
    return sorted(found)


def _import(stream: IO[bytes], dice: random.Random, paths: list[str]) -> None:
    """One commit, in git's own language for that (git-fast-import(1))."""
    text, starts = _text(dice)
    stream.write(b"commit refs/heads/main\ncommitter bench <b@b> 1700000000 +0000\ndata 6\nfirst\n\n")
    for path, mode, data in _rules(paths):
        _file(stream, path, mode, data)
    for path in paths:
        size = min(int(dice.lognormvariate(0, _SIGMA) * _MEDIAN_BYTES), _MOST_BYTES)
        at = dice.choice(starts)
        end = text.find(b"\n", at + size) + 1
        mode = 755 if dice.random() < 0.01 else 644
        _file(stream, path, mode, b"# %s\n" % path.encode() + text[at:end])
    stream.write(b"done\n")


def _rules(paths: list[str]) -> Iterator[tuple[str, int, bytes]]:
    yield ".gitignore", 644, _IGNORE
    yield ".gitattributes", 644, _ATTRIBUTES
    nested = sorted({path.rpartition("/")[0] for path in paths} - {""})
    for folder in nested[:: max(len(nested) // 6, 1)]:
        yield f"{folder}/.gitignore", 644, _NESTED_IGNORE


def _file(stream: IO[bytes], path: str, mode: int, data: bytes) -> None:
    stream.write(b"M 100%d inline %s\ndata %d\n%s\n" % (mode, path.encode(), len(data), data))


def _text(dice: random.Random) -> tuple[bytes, list[int]]:
    """Some megabytes of lines, and where a file may begin in them (far enough from the end for the largest)."""
    words = [f"{_word(dice)}_{_word(dice)}" for _ in range(3000)]
    lines = []
    for number in range(60_000):
        some = [words[int(len(words) * dice.random() ** 3)] for _ in range(dice.randrange(1, 9))]
        lines.append(f"{'    ' * dice.randrange(4)}{some[0]} = {' + '.join(some)}  # {number * 7919 % 10007}\n")
    text = "".join(lines).encode()
    starts, at = [], 0
    for line in lines:
        if at < len(text) - _MOST_BYTES - 1000:
            starts.append(at)
        at += len(line)
    return text, starts


def _word(dice: random.Random) -> str:
    return "".join(dice.choice("bcdfglmnprst") + dice.choice("aeiou") for _ in range(dice.randrange(1, 4)))

"""What a repository's rules say about files that lie somewhere else: which are ignored, which are converted by filters.

Git reads ``.gitignore`` and ``.gitattributes`` from a work tree. Where the work tree is only seen from inside a mount,
the few that matter are laid out in a folder of their own, and git is asked there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from attrs import frozen

from fanout_server.repo import git, ignore_patterns, index
from fanout_server.repo.index import View
from fanout_server.repo.repository import Repository

ReadFile = Callable[[str], bytes | None]
"""The content of a plain file, ``None`` where there is none."""

_DECISIVE = (
    r"^(core\.(autocrlf|eol|symlinks|filemode|ignorecase|precomposeunicode|protect.*|attributesfile|excludesfile"
    r"|sparsecheckout.*|bigfilethreshold)|filter\..*|lfs\..*|extensions\.worktreeconfig)$"
)
_SYSTEM_ATTRIBUTES = Path("/etc/gitattributes")

# What turns line ends, which matters only where there is a carriage return; and what may turn anything.
_TEXT = re.compile(rb"\b(text|eol|crlf)\b")
_FILTERS = re.compile(rb"\b(filter|ident|working-tree-encoding)\b|\[attr\]")


@frozen
class Rules:
    """What decides how files are written and taken in, but for the files of the tree itself.

    ``settings`` are git's own, by lower-case name; ``attributes`` is the text of all files of attributes outside.
    ``ignoring`` are those of the files outside which say what is ignored; they do not decide how anything is written.
    """

    settings: Mapping[str, str]
    attributes: bytes
    sparse: bytes
    ignoring: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, repo: Repository) -> Rules:
        told = repo.git("config", "-z", "--get-regexp", _DECISIVE, check=False).out
        lines = (line.partition(b"\n") for line in told.split(b"\0") if line)
        settings = {name.decode("utf-8", "replace"): os.fsdecode(value) for name, _, value in lines}
        info = repo.common_dir / "info"
        users = _users_file(settings.get("core.attributesfile"), "attributes")
        attributes = b"\n".join(map(_text, (info / "attributes", users, _SYSTEM_ATTRIBUTES)))
        excludes = (info / "exclude", _users_file(settings.pop("core.excludesfile", None), "ignore"))
        ignoring = tuple(map(_text, excludes))
        patterns = repo.git_dir / "info" / "sparse-checkout"
        sparse = patterns.read_bytes() if "core.sparsecheckout" in settings and patterns.is_file() else b""
        return cls(settings, attributes, sparse, ignoring)

    def fingerprint(self) -> bytes:
        """The same for two that have all files written in the same way."""
        settings = "\n".join(f"{name}={value}" for name, value in sorted(self.settings.items()))
        return b"\0".join((os.fsencode(settings), self.attributes, self.sparse))

    def may_convert(self, data: bytes, attributes: bytes) -> bool:
        """Whether git might store something else than ``data``; ``attributes`` are those of the tree that may apply."""
        if self._is("core.symlinks", "false") or self._is("core.filemode", "false"):
            return True
        text = self.attributes + b"\n" + attributes
        if _FILTERS.search(text):
            return True
        return b"\r" in data and (not self._is("core.autocrlf", "", "false") or bool(_TEXT.search(text)))

    def _is(self, name: str, *values: str) -> bool:
        return self.settings.get(name, "").lower() in values


def ignored(repo: Repository, rules: Rules, paths: Collection[str], read: ReadFile) -> frozenset[str]:
    """Those of ``paths`` (folders with a slash at the end) that are ignored by the ``.gitignore`` files of ``read``.

    None of them is tracked, and none lies behind a link. Raises GitFailed.
    """
    texts = {*rules.ignoring, *(read(name) or b"" for name in names_above(".gitignore", paths))}
    paths = [path for path in paths if ignore_patterns.may_match(texts, os.fsencode(path))]
    if not paths:
        return frozenset()
    with index.temporary_folder(repo) as place:
        folder = place / "tree"
        folder.mkdir()
        _lay_out(folder, ".gitignore", paths, read)
        view = View(repo, folder, place / "index")
        # With a slash at the end git would look into the folder's own rules; and a colon at the start has a meaning.
        asked = {f"./{path.rstrip('/')}": path for path in paths}
        names = b"".join(os.fsencode(name) + b"\0" for name in asked)
        told = view.git("check-ignore", "--no-index", "-z", "--stdin", input=names, check=False)
        if told.code not in {0, 1}:
            raise git.failure(("check-ignore",), told)
    return frozenset(asked[os.fsdecode(name)] for name in told.out.split(b"\0") if name)


def names_above(name: str, paths: Iterable[str]) -> Iterator[str]:
    """Where files called ``name`` would lie that apply to ``paths``, each once."""
    seen: set[str] = set()
    for path in paths:
        # A folder's own rules are about what is in it.
        at = path.rstrip("/").rfind("/")
        # Whatever is above a folder that was seen was seen, too.
        while (folder := path[: max(at, 0)]) not in seen:
            seen.add(folder)
            yield f"{folder}/{name}" if folder else name
            at = path.rfind("/", 0, max(at, 0))


def _lay_out(folder: Path, name: str, paths: Collection[str], read: ReadFile) -> None:
    for wanted in names_above(name, paths):
        data = read(wanted)
        if data:
            place = folder / wanted
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    for path in paths:
        # Some rules are about folders only.
        if path.endswith("/"):
            # Not where it is so long that no path here can name it, too.
            with contextlib.suppress(OSError):
                (folder / path).mkdir(parents=True, exist_ok=True)


def _text(path: Path) -> bytes:
    """Nothing where it is not there or closed to us: git goes on without it, too."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _users_file(named: str | None, name: str) -> Path:
    """The file that the settings name, or that of this ``name`` in the user's own folder for git."""
    if named is not None:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "git" / name

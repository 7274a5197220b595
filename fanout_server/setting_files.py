"""The settings files: the user's, and the one that lies in a project, which is trusted before it may run anything.

Both are TOML of the same form as an editor's settings: a table ``options``, an array of tables ``presets``. The user's
also has ``trust``, the folders of projects whose own file counts in full. What is wrong is told with its line and left
out; the rest counts.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from fanout_server import option_values, settings, toml_lines
from fanout_server.toml_lines import BadToml, Keys

PROJECT_FILE = ".fanout.toml"
_PROJECT_KEYS = ("options", "presets")
_USER_KEYS = (*_PROJECT_KEYS, "trust")
_LARGEST = 256 * 1024

# What says which programs run, with which rights, variables and files of the user's.
FOR_TRUSTED = frozenset(
    {"command", "output", "args", "setup", "verify", "check", "allow", "env", "env_pass", "copy", "link", "cache_limit"}
)
_LIMITS = ("budget", "unit_budget")


@frozen
class FileSettings:
    """What one file says. ``options`` and ``presets`` are as they were written; the options are known to be right.

    ``presets`` are for editors to read, ``None`` where nothing is said of them. ``problems`` are sentences.
    """

    path: Path
    options: Mapping[str, object] = field(factory=dict)
    presets: object = None
    trust: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()
    lines: Mapping[Keys, int] = field(factory=dict)

    def where(self, *keys: str | int) -> str:
        """``PATH:LINE`` of a key, or of the nearest one around it that stands in the file."""
        line = next((self.lines[way] for end in range(len(keys), 0, -1) if (way := keys[:end]) in self.lines), None)
        return str(self.path) if line is None else f"{self.path}:{line}"


@frozen
class Layers:
    """Of one repository: the user's file below the project's, each as far as it counts."""

    user: FileSettings
    project: FileSettings | None = None

    @property
    def files(self) -> tuple[FileSettings, ...]:
        return (self.user,) if self.project is None else (self.user, self.project)

    @property
    def options(self) -> dict[str, object]:
        if self.project is None:
            return dict(self.user.options)
        return {**settings.below(self.user.options, self.project.options), **self.project.options}

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(problem for file in self.files for problem in file.problems)


def user_file() -> Path:
    """``$XDG_CONFIG_HOME/fanout/settings.toml``. A relative setting is ignored, as XDG says."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(given) if os.path.isabs(given) else Path.home() / ".config"  # noqa: PTH117  also empty
    return folder / "fanout" / "settings.toml"


class SettingFiles:
    """Reads files again when they have changed. Blocking; for any thread."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[object, FileSettings]] = {}
        self._turn = threading.Lock()

    def of(self, root: Path | None, *, trusted: bool = False) -> Layers:
        """For the repository with this top folder. ``trusted``: somebody else than the user's file says that it is."""
        with self._turn:
            user = self._file(user_file(), is_project=False)
            if root is None:
                return Layers(user)
            project = self._file(root / PROJECT_FILE, is_project=True)
        if not trusted and not _is_trusted(root, user):
            project = _restricted(project, user)
        return Layers(user, project)

    def _file(self, path: Path, *, is_project: bool) -> FileSettings:
        try:
            seen = path.stat()
            mark: object = (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        except OSError as error:
            mark = error.errno
        known = self._read.get(path)
        if known is None or known[0] != mark:
            known = self._read[path] = (mark, _read(path, is_project=is_project))
        return known[1]


def _is_trusted(root: Path, user: FileSettings) -> bool:
    return any(root.is_relative_to(os.path.realpath(folder)) for folder in user.trust)


def _restricted(project: FileSettings, user: FileSettings) -> FileSettings:
    """What counts of a project's file that nobody trusts yet."""
    refused = [key for key, value in project.options.items() if _needs_trust(key, value, user)]
    told = [f"{project.where('options', key)}: Option {key!r} was left out." for key in refused]
    if project.presets is not None:
        told.append(f"{project.where('presets')}: The presets were left out.")
    if not told:
        return project
    told.append(
        "This project is not trusted yet, so its file may not say what runs. If you trust it, add its folder to"
        f" 'trust' in {user.path}."
    )
    return attrs.evolve(
        project,
        options={key: value for key, value in project.options.items() if key not in refused},
        presets=None,
        problems=(*project.problems, *told),
    )


def _needs_trust(key: str, value: object, user: FileSettings) -> bool:
    # A limit of the user's is not for others to lift; nor are files written without a question.
    return key in FOR_TRUSTED or (key in _LIMITS and key in user.options) or (key == "apply" and value == "now")


def _read(path: Path, *, is_project: bool) -> FileSettings:
    try:
        text = _text(path, is_project=is_project)
    except FileNotFoundError:
        return FileSettings(path)
    except OSError as error:
        return FileSettings(path, problems=(f"{path}: It cannot be read: {error.strerror}.",))
    except _Unfit as error:
        return FileSettings(path, problems=(f"{path}: {error}",))
    try:
        content = toml_lines.parse(text)
    except BadToml as error:
        place = path if error.line is None else f"{path}:{error.line}"
        return FileSettings(path, problems=(f"{place}: This is no TOML, so nothing in the file counts: {error}",))
    file = FileSettings(path, lines=toml_lines.lines_of(text))
    problems = [*_unknown(file, content, _PROJECT_KEYS if is_project else _USER_KEYS)]
    options = _options(file, content.get("options"), problems)
    trust = () if is_project else _trust(file, content.get("trust"), problems)
    return attrs.evolve(file, options=options, presets=content.get("presets"), trust=trust, problems=tuple(problems))


class _Unfit(Exception):
    """What lies there is nothing that can be read as a settings file."""


def _text(path: Path, *, is_project: bool) -> str:
    """Raises OSError, _Unfit. A project may have anything under this name: a link, a pipe, a file without end."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_NOFOLLOW if is_project else 0))
    except OSError as error:
        if is_project and path.is_symlink():
            raise _Unfit("It is a link, which is not followed. Put the file itself there.") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _Unfit("It is no file that can be read.")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(_LARGEST + 1)
    finally:
        os.close(handle)
    if len(data) > _LARGEST:
        raise _Unfit(f"It is larger than {_LARGEST // 1024} KB, so it was not read.")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _Unfit(f"It is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def _unknown(file: FileSettings, content: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    for key in content:
        if key in keys:
            continue
        if key in settings.OPTION_KEYS:
            yield f"{file.where(key)}: {key!r} is an option. Put it below a line [options]."
        elif key == "trust":
            yield f"{file.where(key)}: A project cannot say that it is trusted. Put 'trust' into {user_file()}."
        else:
            yield f"{file.where(key)}: There is no setting {key!r}{option_values.hint(key, keys)}"


def _options(file: FileSettings, content: object, problems: list[str]) -> dict[str, object]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        problems.append(f"{file.where('options')}: 'options' should be a table, but is {option_values.given(content)}.")
        return {}
    good: dict[str, object] = {}
    for key, value in content.items():
        try:
            settings.parse_option(key, value)
        except settings.BadOption as error:
            problems.append(f"{file.where('options', key)}: {error}")
        else:
            good[key] = value
    return good


def _trust(file: FileSettings, content: object, problems: list[str]) -> tuple[Path, ...]:
    if content is None:
        return ()
    place = file.where("trust")
    if not isinstance(content, list):
        problems.append(f"{place}: 'trust' takes a list of folders, but got {option_values.given(content)}.")
        return ()
    found = []
    for folder in content:
        if isinstance(folder, str) and folder.startswith(("/", "~/")) and "\0" not in folder:
            found.append(Path(folder).expanduser())
        else:
            problems.append(
                f"{place}: 'trust' takes folders that begin with / or ~/, but one is {option_values.given(folder)}."
            )
    return tuple(found)

"""What the settings for fanout come to: ``options`` for every plan, and ``presets`` for the editor's menus.

The layers, each above the one before: the user's file, the project's file, what ``initialize`` gave, what the editor
says for all of its folders, what it says for one folder. A value that is wrong is told once, in words, and left out;
the rest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from attrs import field, frozen

from fanout_server import settings
from fanout_server.lsp import messages
from fanout_server.lsp.presets import DEFAULTS, Preset
from fanout_server.setting_files import FileSettings, SettingFiles
from fanout_server.toml_lines import Keys

_KEYS = ("options", "presets", "trusted")
_PRESET_KEYS = ("title", "instruction", "options")


@frozen
class _Layer:
    """``presets`` is ``None`` where nothing is said about them. ``problems`` are sentences."""

    options: Mapping[str, object] = field(factory=dict)
    presets: tuple[Preset, ...] | None = None
    problems: tuple[str, ...] = ()


class Configuration:
    """The settings of one session, as they are now. ``tell`` shows a sentence to the user.

    Those in ``on_change`` are called when they may be others than before.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.on_change: list[Callable[[], None]] = []
        self._given = _Layer()
        self._general = _Layer()
        self._folders: dict[Path, _Layer] = {}
        self._reader = SettingFiles()
        self._files: dict[Path | None, tuple[_Layer, ...]] = {}
        self._trusted = False
        # Of its own: whatever the runs do, it finds a thread; and what was looked at last counts.
        self._limiter = anyio.CapacityLimiter(1)
        self._told: frozenset[str] = frozenset()
        self._told_of_files: dict[Path | None, frozenset[str]] = {}

    def begin(self, given: object) -> None:
        """With the initialization options, whatever they are.

        They alone may say that a project's file is trusted: what an editor answers later, a project's own settings may
        have had a hand in.
        """
        self._given = read(given)
        self._trusted = isinstance(given, dict) and given.get("trusted") is True
        self._tell_problems()

    async def look(self, root: Path | None) -> None:
        """Reads the files again that have changed, for ``options`` and ``presets`` of this repository."""
        layers = await anyio.to_thread.run_sync(
            lambda: self._reader.of(root, trusted=self._trusted), limiter=self._limiter
        )
        before = self._files.get(root)
        self._files[root] = found = tuple(map(_of_file, layers.files))
        problems = tuple(problem for layer in found for problem in layer.problems)
        told = self._told_of_files.get(root, frozenset())
        self._told_of_files[root] = frozenset(problems)
        if not told.issuperset(problems):
            self._tell(f"Of the settings files these were left out: {' '.join(problems)}")
        if before is not None and before != found:
            self._announce()

    def change(self, general: object, folders: Mapping[Path, object]) -> None:
        """With what the editor says now, in all and for each folder (by its real path)."""
        self._general = read(general)
        self._folders = {folder: read(value) for folder, value in folders.items()}
        self._tell_problems()
        self._announce()

    def _announce(self) -> None:
        for listener in tuple(self.on_change):
            listener()

    def options(self, root: Path | None = None) -> Mapping[str, object]:
        """For plans of the repository whose top folder is ``root``."""
        found: dict[str, object] = {}
        for layer in self._layers(root):
            found = {**settings.below(found, layer.options), **layer.options}
        return found

    def presets(self, root: Path | None = None) -> tuple[Preset, ...]:
        said = [layer.presets for layer in self._layers(root) if layer.presets is not None]
        return said[-1] if said else DEFAULTS

    def _layers(self, root: Path | None) -> Iterator[_Layer]:
        yield from self._files.get(root, ())
        yield self._given
        yield self._general
        folder = _folder_of(root, self._folders) if root is not None else None
        if folder is not None:
            yield self._folders[folder]

    def _tell_problems(self) -> None:
        layers = (self._given, self._general, *self._folders.values())
        problems = tuple(dict.fromkeys(problem for layer in layers for problem in layer.problems))
        new = [problem for problem in problems if problem not in self._told]
        self._told = frozenset(problems)
        if new:
            self._tell(f"Of the editor's settings for fanout these were left out: {' '.join(new)}")


def _folder_of(root: Path, folders: Mapping[Path, object]) -> Path | None:
    """The innermost that holds the repository, or the outermost that lies in it."""
    around = [folder for folder in folders if root.is_relative_to(folder)]
    if around:
        return max(around, key=lambda folder: len(folder.parts))
    inside = [folder for folder in folders if folder.is_relative_to(root)]
    return min(inside, key=lambda folder: len(folder.parts), default=None)


_Problems = list[tuple[Keys, str]]
"""What is wrong, each with the way to it."""


def _of_file(file: FileSettings) -> _Layer:
    problems: _Problems = []
    presets = _read_presets(file.presets, problems)
    told = (f"{file.where(*keys)}: {text}" for keys, text in problems)
    return _Layer(file.options, presets, (*file.problems, *told))


def read(value: object) -> _Layer:
    """Never raises. Null means that nothing is said, as in an editor whose user set nothing."""
    if value is None:
        return _Layer()
    if not isinstance(value, dict):
        return _Layer(problems=(f"fanout should be an object, but is {messages.name_of(value)}.",))
    problems: _Problems = [*_misspelled(value)]
    options = _read_options(("options",), value.get("options"), problems)
    presets = _read_presets(value.get("presets"), problems)
    return _Layer(options, presets, tuple(text for _, text in problems))


def _misspelled(value: Mapping[str, object]) -> Iterator[tuple[Keys, str]]:
    """The section is also an editor plugin's own place, so what is merely unknown is no mistake."""
    for key in value:
        if key not in _KEYS and (hint := settings.did_you_mean(key, _KEYS)):
            yield (key,), f"There is no setting {key!r}{hint}"
    trusted = value.get("trusted")
    if trusted is not None and not isinstance(trusted, bool):
        yield ("trusted",), f"trusted should be true or false, but is {messages.name_of(trusted)}."


def _read_options(way: Keys, value: object, problems: _Problems) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append((way, f"{_spelled(way)} should be an object, but is {messages.name_of(value)}."))
        return {}
    good: dict[str, object] = {}
    for key, given in value.items():
        if given is None:
            continue
        try:
            settings.parse_option(key, given)
        except settings.BadOption as error:
            problems.append(((*way, key), f"{_spelled((*way, key))}: {error}"))
        else:
            good[key] = given
    return good


def _read_presets(value: object, problems: _Problems) -> tuple[Preset, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        problems.append((("presets",), f"presets should be a list, but is {messages.name_of(value)}."))
        return None
    found = [_read_preset(("presets", number), one, problems) for number, one in enumerate(value)]
    return tuple(preset for preset in found if preset is not None)


def _read_preset(way: Keys, value: Any, problems: _Problems) -> Preset | None:
    place = _spelled(way)
    if not isinstance(value, dict):
        problems.append((way, f"{place} should be an object, but is {messages.name_of(value)}."))
        return None
    problems += [
        ((*way, key), f"{place} has no key {key!r}; its keys are {', '.join(_PRESET_KEYS)}.")
        for key in value
        if key not in _PRESET_KEYS
    ]
    wrong = [key for key in ("title", "instruction") if not _is_text(value.get(key))]
    if wrong:
        problems.append((way, f"{place} needs a text as its {' and its '.join(wrong)}."))
        return None
    options = _read_options((*way, "options"), value.get("options"), problems)
    return Preset(_one_line(value["title"]), value["instruction"].strip(), options)


def _spelled(way: Keys) -> str:
    """``presets[0].options``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in way).removeprefix(".")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def pushed(value: object) -> object:
    """The section's value of what ``workspace/didChangeConfiguration`` carries, ``None`` where it has none."""
    return value.get("fanout") if isinstance(value, dict) else None


def answered(value: object, count: int) -> Sequence[object] | None:
    """The ``count`` values of a ``workspace/configuration`` answer; ``None`` where it is no such answer."""
    return value if isinstance(value, list | tuple) and len(value) == count else None

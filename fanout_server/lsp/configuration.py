"""What the editor's settings for fanout come to: ``options`` for every plan, and ``presets`` for its menus.

The layers, each above the one before: what ``initialize`` gave, what the editor says for all of its folders, what it
says for one folder. A value that is wrong is told once, in words, and left out; the rest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from fanout_server import settings
from fanout_server.lsp import messages
from fanout_server.lsp.presets import DEFAULTS, Preset

_KEYS = ("options", "presets")
_PRESET_KEYS = ("title", "instruction", "options")


@frozen
class _Layer:
    """``presets`` is ``None`` where nothing is said about them. ``problems`` are sentences."""

    options: Mapping[str, object] = field(factory=dict)
    presets: tuple[Preset, ...] | None = None
    problems: tuple[str, ...] = ()


class Configuration:
    """The settings of one session, as they are now. ``tell`` shows a sentence to the user."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._given = _Layer()
        self._general = _Layer()
        self._folders: dict[Path, _Layer] = {}
        self._told: frozenset[str] = frozenset()

    def begin(self, given: object) -> None:
        """With the initialization options, whatever they are."""
        self._given = read(given)
        self._tell_problems()

    def change(self, general: object, folders: Mapping[Path, object]) -> None:
        """With what the editor says now, in all and for each folder (by its real path)."""
        self._general = read(general)
        self._folders = {folder: read(value) for folder, value in folders.items()}
        self._tell_problems()

    def options(self, root: Path | None = None) -> Mapping[str, object]:
        """For plans of the repository whose top folder is ``root``."""
        return {key: value for layer in self._layers(root) for key, value in layer.options.items()}

    def presets(self, root: Path | None = None) -> tuple[Preset, ...]:
        said = [layer.presets for layer in self._layers(root) if layer.presets is not None]
        return said[-1] if said else DEFAULTS

    def _layers(self, root: Path | None) -> Iterator[_Layer]:
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


def read(value: object) -> _Layer:
    """Never raises. Null means that nothing is said, as in an editor whose user set nothing."""
    if value is None:
        return _Layer()
    if not isinstance(value, dict):
        return _Layer(problems=(f"fanout should be an object, but is {messages.name_of(value)}.",))
    problems = [*_misspelled(value)]
    options = _read_options("options", value.get("options"), problems)
    presets = _read_presets(value.get("presets"), problems)
    return _Layer(options, presets, tuple(problems))


def _misspelled(value: Mapping[str, object]) -> Iterator[str]:
    """The section is also an editor plugin's own place, so what is merely unknown is no mistake."""
    for key in value:
        if key not in _KEYS and (hint := settings.did_you_mean(key, _KEYS)):
            yield f"There is no setting {key!r}{hint}"


def _read_options(place: str, value: object, problems: list[str]) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(f"{place} should be an object, but is {messages.name_of(value)}.")
        return {}
    good: dict[str, object] = {}
    for key, given in value.items():
        if given is None:
            continue
        try:
            settings.parse_option(key, given)
        except settings.BadOption as error:
            problems.append(f"{place}.{key}: {error}")
        else:
            good[key] = given
    return good


def _read_presets(value: object, problems: list[str]) -> tuple[Preset, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        problems.append(f"presets should be a list, but is {messages.name_of(value)}.")
        return None
    found = [_read_preset(f"presets[{number}]", one, problems) for number, one in enumerate(value)]
    return tuple(preset for preset in found if preset is not None)


def _read_preset(place: str, value: Any, problems: list[str]) -> Preset | None:
    if not isinstance(value, dict):
        problems.append(f"{place} should be an object, but is {messages.name_of(value)}.")
        return None
    problems += [
        f"{place} has no key {key!r}; its keys are {', '.join(_PRESET_KEYS)}."
        for key in value
        if key not in _PRESET_KEYS
    ]
    wrong = [key for key in ("title", "instruction") if not _is_text(value.get(key))]
    if wrong:
        problems.append(f"{place} needs a text as its {' and its '.join(wrong)}.")
        return None
    options = _read_options(f"{place}.options", value.get("options"), problems)
    return Preset(_one_line(value["title"]), value["instruction"].strip(), options)


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

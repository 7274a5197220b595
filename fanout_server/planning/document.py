"""The plan document: Markdown with YAML front matter, read with exact places and written back.

- The front matter stands between two lines ``---``, the first of them the first line of the document.
- The units are the list that *ends* the document: lines that begin with ``-``, ``*``, ``+``, ``1.`` or ``1)`` in the
  first column, all with the same kind of marker. Blank lines may stand between them; indented lines below an item are
  more of its note. A list with a text line after it belongs to the instruction, and so does one with another marker.
- The instruction is all between the two.

An item is ``target``, ``target: note``, or any text. It is split at its first ``: ``; whether the part before is a path
is for ``selection`` to say, which knows the files. A target with a ``: `` of its own stands in backticks or in quotes
as git writes them. The text itself is kept as it is: printing a document gives what was parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from attrs import frozen

from fanout_server import settings
from fanout_server.model import Finding, Options, Severity
from fanout_server.planning import changed, front_matter, lists, paths, positions, quoting, targets, variables
from fanout_server.planning.positions import LineIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from fanout_server.model import Plan, Range, Unit
    from fanout_server.planning.front_matter import Entry
    from fanout_server.planning.lists import ListItem

TEMPLATES = ("owns", "setup", "verify")
"""The options in which the variables of a unit are filled in."""
COMMAND_VARIABLES = ("prompt", "prompt_file", "cwd", "model")
_BY_TEXT = ("item", "line")
_BLANK = " \t\r\n"
_SPACES = " \t"


@frozen
class Item:
    """``text`` is the item without its marker, ``target`` and ``note`` its two parts."""

    text: str
    target: str
    note: str
    range: Range
    target_range: Range
    note_range: Range | None
    source: ListItem


@frozen
class PlanDocument:
    """``options`` are the parsed values of the entries that are right; ``problems`` are errors at their places."""

    text: str
    front_matter: tuple[Entry, ...]
    options: Mapping[str, object]
    instruction: str
    instruction_range: Range
    instruction_start: int
    items: tuple[Item, ...]
    problems: tuple[Finding, ...]


def parse(text: str, known: Collection[str] = ()) -> PlanDocument:
    """Reads any text. ``known`` are the names of variables besides the built-in ones."""
    index = LineIndex(text)
    header = front_matter.read(text, index)
    listed = lists.last_list(text, header.end)
    end = listed.items[0].start if listed else len(text)
    body = text[header.end : end]
    instruction = body.strip(_BLANK)
    start = header.end + len(body) - len(body.lstrip(_BLANK)) if instruction else header.end
    names = {*variables.BUILT_IN, *known}
    problems = [*header.problems, *_option_problems(text, header.entries, names, index)]
    problems += _unknown(instruction, start, names, index)
    items = tuple(_item(item, index) for item in (listed.items if listed else ()) if item.text.strip(_BLANK))
    place = index.range(start, start + len(instruction))
    return PlanDocument(text, header.entries, header.options, instruction, place, start, items, tuple(problems))


def print_document(document: PlanDocument) -> str:
    return document.text


def render(instruction: str, options: Options | Mapping[str, object], items: Iterable[tuple[str, str] | str]) -> str:
    """A document that parses to this instruction (stripped), these options and these items.

    An item is a pair of target and note, or a text that stands for itself. Raises ValueError without items: a list at
    the end of the instruction would be read as the units.
    """
    listing = list(items)
    if not listing:
        raise ValueError("a plan document has at least one item")
    values = settings.options_to_mapping(options) if isinstance(options, Options) else dict(options)
    instruction = instruction.strip(_BLANK)
    header = f"---\n{_yaml(values)}---\n" if values or instruction.startswith(("---", "\ufeff")) else ""
    before = lists.last_list(instruction)
    marker = "*" if before is not None and before.items[-1].kind == "-" else "-"
    listed = "".join(_plain_item(marker, one) if isinstance(one, str) else _item_text(marker, *one) for one in listing)
    return f"{header}{instruction}\n\n{listed}" if instruction else f"{header}{listed}"


def render_plan(plan: Plan) -> str:
    """The plan as a document. Variables that ``--set`` gave are filled in: a document holds no values of its own."""
    set_by_user = {
        name: value
        for name, value in (plan.units[0].variables.items() if plan.units else ())
        if name not in variables.BUILT_IN
    }
    values = settings.options_to_mapping(plan.options)
    for key in TEMPLATES:
        if key in values:
            values[key] = [variables.bind(text, set_by_user) for text in getattr(plan.options, key)]
    # Of a range there are many units.
    items = dict.fromkeys(_written(unit, plan.options.split) for unit in plan.units)
    return render(variables.bind(plan.instruction, set_by_user), values, items)


def _written(unit: Unit, split: str | None) -> tuple[str, str] | str:
    """Of an item that was split off as text the file that it mentions is not all that it says."""
    if unit.changes is not None:
        return changed.written(unit.changes, unit.note)
    text = unit.variables.get("item", unit.title)
    if not unit.targets:
        return (text, unit.note) if unit.note and split not in _BY_TEXT else text
    target = unit.targets[0]
    is_text = split == "item" or (split == "line" and target.range is None)
    return text if is_text else (targets.label(target), unit.note)


def _yaml(values: Mapping[str, object]) -> str:
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000) if values else ""


class _Dumper(yaml.SafeDumper):
    """Quotes what any YAML would read as something else, and writes short lists on one line."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is the base class's
        return True


def _represent_list(dumper: yaml.SafeDumper, data: list[object]) -> yaml.Node:
    plain = all(isinstance(element, str) for element in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=plain)


def _represent_text(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    # What is not printable, or a line end to YAML alone, survives only within double quotes.
    style = None if data.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(str, _represent_text)


def _plain_item(marker: str, text: str) -> str:
    text = _tidy(text)
    # What begins like a checkbox or a rule is read as it is after a checkbox of ours.
    for box in ("", "[ ] "):
        shown = _lines(marker, box + text)
        found = lists.last_list(shown)
        if found is not None and [item.text for item in found.items] == [text]:
            return shown
    return shown


def _tidy(text: str) -> str:
    return "\n".join(line.text.rstrip(_SPACES) for line in positions.lines(text)).strip(_BLANK)


def _item_text(marker: str, target: str, note: str) -> str:
    note = _tidy(note)
    for written in (target, quoting.c_quote(target)):
        shown = _joined(marker, written, note)
        if _reads_as(shown, target, note):
            return shown
    return shown


def written_target(target: str) -> str:
    """``target`` as an item names it: in quotes, as git writes them, where it would be read as something else.

    So is a name that is not UTF-8, which an editor could not show.
    """
    if target.encode("utf-8", "replace").decode() != target:
        return quoting.c_quote(target)
    return _item_text("-", target, "").removeprefix("- ").removesuffix("\n")


def _joined(marker: str, target: str, note: str) -> str:
    return _lines(marker, f"{target}: {note}" if note else target)


def _lines(marker: str, text: str) -> str:
    first, *more = text.split("\n")
    return "".join(f"{line}\n" for line in (f"{marker} {first}", *(f"  {line}" if line else "" for line in more)))


def _reads_as(shown: str, target: str, note: str) -> bool:
    found = lists.last_list(shown)
    return found is not None and [_parts(item)[::2] for item in found.items] == [(target, note)]


def _item(item: ListItem, index: LineIndex) -> Item:
    target, (start, end), note, note_place = _parts(item)
    return Item(
        item.text.strip(),
        target,
        note,
        index.range(item.first.start, item.end),
        index.range(start, end),
        None if note_place is None else index.range(*note_place),
        item,
    )


def _parts(item: ListItem) -> tuple[str, tuple[int, int], str, tuple[int, int] | None]:
    """The target with its place, and the note with its place."""
    first = item.first
    target, end, rest = _target(first.text)
    more = [line for line in item.more if line.text]
    note = "\n".join((rest, *(line.text for line in item.more))).strip(_BLANK)
    if rest:
        start = first.end - len(rest)
    elif more:
        start = more[0].start
    else:
        return target, (first.start, first.start + end), note, None
    return target, (first.start, first.start + end), note, (start, item.end)


def _target(text: str) -> tuple[str, int, str]:
    """The target that opens an item's first line, where it ends, and what stands after the colon."""
    unquoted = paths.unquoted(text)
    if unquoted is not None:
        name, end = unquoted
        after = text[end:]
        if not after or after == ":" or after.startswith(": "):
            return name, end, after[1:].strip(_SPACES)
        if after.startswith(("#", ":")):
            end += len(after.split(": ", 1)[0].removesuffix(":"))
            return name + text[len(text) - len(after) : end], end, text[end + 1 :].strip(_SPACES)
    end = text.find(": ")
    if end < 0:
        end = len(text.removesuffix(":"))
    if end == 0:
        return text, len(text), ""
    return text[:end].rstrip(_SPACES), len(text[:end].rstrip(_SPACES)), text[end + 1 :].strip(_SPACES)


def _unknown(text: str, start: int, names: Collection[str], index: LineIndex) -> Iterator[Finding]:
    for piece in variables.parse(text):
        if piece.name is not None and piece.name not in names:
            place = index.range(start + piece.start, start + piece.end)
            yield Finding("plan/unknown-variable", Severity.ERROR, unknown_variable(piece.name, names), range=place)


def unknown_variable(name: str, names: Collection[str]) -> str:
    hint = settings.did_you_mean(name, tuple(sorted(names))) or f". Known are: {', '.join(sorted(names))}."
    return f"There is no variable {{{name}}}{hint} Write {{{{{name}}}}} for the text {{{name}}}."


def _option_problems(
    text: str, entries: Sequence[Entry], names: Collection[str], index: LineIndex
) -> Iterator[Finding]:
    for entry in entries:
        if entry.key not in {*TEMPLATES, "command"}:
            continue
        known = {*names, *COMMAND_VARIABLES} if entry.key == "command" else names
        # What YAML made of the value says what is in it; what is written says where (comments and escapes differ).
        written = text[entry.start : entry.end]
        for name in dict.fromkeys(_names(entry.value)):
            if name not in known:
                place = find_variable(written, entry.start, name, index) or entry.value_range
                yield Finding("plan/unknown-variable", Severity.ERROR, unknown_variable(name, known), range=place)


def find_variable(text: str, start: int, name: str, index: LineIndex) -> Range | None:
    """Where ``{name}`` first stands in ``text``, which begins at ``start`` of the indexed text."""
    piece = next((piece for piece in variables.parse(text) if piece.name == name), None)
    return None if piece is None else index.range(start + piece.start, start + piece.end)


def _names(value: object) -> Iterator[str]:
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    for text in texts:
        if isinstance(text, str):
            yield from variables.names(text)

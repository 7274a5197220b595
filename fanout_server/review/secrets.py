"""Secrets that a unit wrote into a file: keys, tokens, passwords. The rules are those of detect-secrets.

It is an extra (``fanout-server[secrets]``): with what it needs it is 5 MB. Without it nothing is looked for, which
``fanout doctor`` tells. What was found is named by its kind and its line, and never shown, nor kept.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from fanout_server.model import Finding, Severity
from fanout_server.review.material import Material
from fanout_server.review.merged import LONGEST, Changed, is_generated, named
from fanout_server.review.style import is_test
from fanout_server.syntax.worker import Worker

CODE = "review/secret"

# They find much that is none: hashes, identifiers, addresses in documents.
_UNSURE = frozenset({"HexHighEntropyString", "Base64HighEntropyString", "IPPublicDetector"})
# Passwords in tests are made up; a real key is as bad there as anywhere.
_NOT_IN_TESTS = frozenset({"KeywordDetector", "BasicAuthDetector"})
_MOST_LINES = 80_000


def is_there() -> bool:
    """Whether the rules are installed."""
    return importlib.util.find_spec("detect_secrets") is not None


def ready(process: Worker) -> None:
    """Has the process load the rules, which takes longer than to look for most secrets. Raises Unreadable."""
    if is_there():
        process.prepare(f"{__name__}:answer", [""], "", False)  # noqa: FBT003 - as JSON has it


def find(material: Material) -> Iterator[Finding]:
    """One finding for each line. Raises OutOfTime."""
    if not is_there():
        return
    about: list[tuple[Changed, list[int], list[str]]] = []
    left = _MOST_LINES
    for one in material.files:
        if not one.added or not _is_worth_it(one):
            continue
        new = list(one.new_lines())
        left -= len(new)
        if left < 0:
            material.skip(one.path, f"and others have over {_MOST_LINES:,} new lines to search for secrets", one.units)
            break
        about.append((one, [number for number, _ in new], [line for _, line in new]))
    asked = [(one, (lines, one.before or "", is_test(one.path))) for one, _, lines in about]
    for (one, numbers, _), found in zip(about, material.ask(f"{__name__}:answer", asked), strict=True):
        for at, kinds in found or ():
            yield _finding(material, one, numbers[at], kinds)


def _finding(material: Material, one: Changed, line: int, kinds: list[str]) -> Finding:
    units = one.added[line]
    message = (
        f"{named(units, material.titles)} wrote what looks like a secret into line {line + 1}: {', '.join(kinds)}."
        " Take it out before you commit. If it is real, have it replaced: it stands in the unit's result, too."
    )
    return Finding(CODE, Severity.WARNING, message, one.path, one.range(line), units)


def _is_worth_it(one: Changed) -> bool:
    return len(one.after or "") <= LONGEST and not is_generated(one.path, one.after or "")


def answer(lines: list[str], before: str, test: bool) -> list[tuple[int, list[str]]]:  # noqa: FBT001 - as JSON has it
    """What the parser's process runs: index of a line and the kinds of secrets there that ``before`` does not have."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class  # noqa: PLC0415 - an extra
    from detect_secrets.core.scan import scan_line  # noqa: PLC0415
    from detect_secrets.settings import transient_settings  # noqa: PLC0415

    left_out = _UNSURE | (_NOT_IN_TESTS if test else frozenset())
    rules: Mapping[str, type[Any]] = get_mapping_from_secret_type_to_class()
    names = sorted({rule.__name__ for rule in rules.values()} - left_out)
    found: list[tuple[int, list[str]]] = []
    with transient_settings({"plugins_used": [{"name": name} for name in names]}) as settings:
        # It asks the service itself whether a key is good.
        settings.disable_filters("detect_secrets.filters.common.is_ignored_due_to_verification_policies")
        known: dict[str, list[str]] = {}
        for at, line in enumerate(lines):
            if line not in known:
                new = {secret.type for secret in scan_line(line) if (secret.secret_value or line) not in before}
                known[line] = sorted(new)
            if known[line]:
                found.append((at, known[line]))
    return found

"""All checks of a merged result, one after the other; one that breaks is told of, and the others go on."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping

from fanout_server.model import Finding, Severity
from fanout_server.review import duplicates, leftovers, outliers, removed, same_names, secrets, syntax_errors
from fanout_server.review.material import CODE, Material, OutOfTime

_log = logging.getLogger(__name__)

_CHECKS: Mapping[str, Callable[[Material], Iterable[Finding]]] = {
    "syntax errors": syntax_errors.find,
    "conflict markers": leftovers.markers,
    "names added twice": same_names.find,
    "removed names": removed.find,
    "secrets": secrets.find,
    "placeholders": leftovers.placeholders,
    "debug output": leftovers.debug_output,
    "duplicate helpers": duplicates.find,
    "style": outliers.find,
}
"""What breaks the result first: time may end."""


def run(material: Material) -> tuple[Finding, ...]:
    """What they found. Blocking, up to the time that the material has."""
    found: list[Finding] = []
    # Where time ends over it, the first check that parses meets that, and tells.
    with contextlib.suppress(OutOfTime):
        material.prepare((one.path, text) for one in material.files for text in (one.after, one.before))
    for name, check in _CHECKS.items():
        try:
            # One at a time, so that what was found before time ended is told.
            for finding in check(material):
                found.append(finding)  # noqa: PERF402
        except OutOfTime:
            message = f"The review ran out of time at its check of {name}. What it found until then is told."
            found.append(Finding(CODE, Severity.INFORMATION, message))
            break
        except Exception:  # noqa: BLE001 - a defect in one check must not cost the others, nor the run
            _log.exception("The review's check of %s broke", name)
            message = f"The review's check of {name} broke; the server's log has why. The other checks went on."
            found.append(Finding(CODE, Severity.INFORMATION, message))
    return tuple(dict.fromkeys((*found, *material.skipped())))

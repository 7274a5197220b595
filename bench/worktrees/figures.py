"""What was measured, as a table with the goals beside it and as one line of JSON."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping

from attrs import define, field

Value = float | str | None

GOALS: Mapping[str, tuple[str, float]] = {
    "create_ratio_32": (">=", 3000),
    "cold_ratio_32": (">=", 20),
    "status_ratio": ("<=", 2),
    "collect_ms_per_unit": ("<=", 2),
    "merge_128_ms": ("<=", 150),
    "cleanup_ratio_32": (">=", 100),
    "disk_ratio_32": ("<=", 1.1),
    "snapshot_over_status": ("<=", 1.2),
    "end_to_end_ratio_32": (">=", 100),
    "copy_create_ratio_8": (">=", 3),
    "whole_below_one_add": (">=", True),
}
"""For the overlay way (but where a key names another) in the repository of 70,000 files."""

_COMPARE = {">=": operator.ge, "<=": operator.le}


@define
class Figures:
    """``extrapolated`` are the keys in which more rivals are counted than were run."""

    prefix: str = ""
    values: dict[str, Value] = field(factory=dict)
    extrapolated: list[str] = field(factory=list)

    def put(self, key: str, value: Value, *, measured: bool = True) -> None:
        key = self.prefix + key
        self.values[key] = float(f"{value:.4g}") if isinstance(value, float) else value
        if not measured:
            self.extrapolated.append(key)

    def table(self, *, with_goals: bool) -> str:
        lines = []
        for key, value in self.values.items():
            bare = key.removeprefix(self.prefix)
            goal = ""
            if with_goals and bare in GOALS and isinstance(value, int | float):
                sign, wanted = GOALS[bare]
                met = _COMPARE[sign](value, wanted)
                goal = f"goal {sign} {wanted:g}   {'met' if met else 'MISSED'}"
            star = "*" if key in self.extrapolated else " "
            lines.append(f"  {key:34} {_shown(value):>12}{star} {goal}".rstrip())
        return "\n".join(lines)


def line(figures: Mapping[str, object]) -> str:
    return json.dumps(figures)


def _shown(value: Value) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)

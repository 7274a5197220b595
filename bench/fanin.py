"""Fan-in: what becomes of results that touch each other, part by part.

Each part is a module of ``bench/joining`` that has a function ``measure``: it gets where to write what it finds on the
way, and gives the keys that are told at the end. ``--only NAME`` runs some of them. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from typing import cast

from bench import joining

Measure = Callable[[Callable[[str], None]], dict[str, float | int]]


def parts() -> dict[str, Measure]:
    """Those that there are, by name."""
    found: dict[str, Measure] = {}
    for module in pkgutil.iter_modules(joining.__path__):
        measure = getattr(importlib.import_module(f"{joining.__name__}.{module.name}"), "measure", None)
        if measure is not None:
            found[module.name] = cast("Measure", measure)
    return found


def main() -> int:
    known = parts()
    parser = argparse.ArgumentParser(description="What becomes of results that touch each other.")
    parser.add_argument("--only", nargs="+", choices=tuple(known), default=tuple(known))
    options = parser.parse_args()
    result: dict[str, float | int] = {}
    for name in options.only:
        print(f"{name}:", flush=True)
        found = known[name](lambda line: print(f"  {line}", flush=True))
        for key, value in found.items():
            print(f"  {key:40} {value:>12}", flush=True)
        result |= found
    print(json.dumps({**result, "load": round(os.getloadavg()[0], 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

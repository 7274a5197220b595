"""What installing the project without its tools brings, in MB on disk: ``size.py VENV PROJECT``.

VENV is a fresh environment; the project is installed into it. Counted are the blocks that the files take, byte code
included, less what the environment held before (pip). Ends with one line of JSON; fails at the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

LIMIT_MB = 100.0
_BLOCK = 512
_SHOWN = 12


def main() -> int:
    parser = argparse.ArgumentParser(description="What installing the project brings, in MB on disk.")
    parser.add_argument("venv", type=Path, help="a fresh environment; the project is installed into it")
    parser.add_argument("project", type=Path, help="its folder")
    arguments = parser.parse_args()
    venv, project = arguments.venv.resolve(), arguments.project.resolve()
    before = _entries(venv)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", str(project)], check=True)
    # pip writes byte code of itself when it runs; that is not what the project brings.
    after = {path: size for path, size in _entries(venv).items() if path not in before and not _is_pip(path)}
    total = sum(after.values()) / 1e6
    for name, size in _by_package(after)[:_SHOWN]:
        print(f"{size / 1e6:8.1f} MB  {name}")
    print(f"{total:8.1f} MB  in all (limit {LIMIT_MB:.0f})")
    print(json.dumps({"installed_mb": round(total, 1), "limit_mb": LIMIT_MB}))
    return 0 if total < LIMIT_MB else 1


def _entries(venv: Path) -> dict[Path, int]:
    """Each file and folder below ``venv`` with the bytes it takes on disk."""
    found: dict[Path, int] = {}
    for folder, _, names in os.walk(venv):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            found[path] = path.lstat().st_blocks * _BLOCK
    return found


def _is_pip(path: Path) -> bool:
    return bool({"pip", "setuptools"} & set(path.parts))


def _by_package(sizes: dict[Path, int]) -> list[tuple[str, int]]:
    """By the folder below site-packages, the largest first."""
    packages: dict[str, int] = {}
    for path, size in sizes.items():
        below = path.parts[path.parts.index("site-packages") + 1 :] if "site-packages" in path.parts else ()
        name = below[0] if below else "scripts and the like"
        packages[name] = packages.get(name, 0) + size
    return sorted(packages.items(), key=lambda item: -item[1])


if __name__ == "__main__":
    sys.exit(main())

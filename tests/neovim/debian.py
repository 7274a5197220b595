"""Gets a Neovim of another version from Debian, unpacked aside: nothing of it is installed.

``python -m tests.neovim.debian 0.12 build/neovim-0.12`` ('make neovim-others') asks where this system's own package
manager gets its packages, by that package manager, which checks their signatures. Where none of that can be had it says
so, and that is no failure: the tests then run without.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# The release that has a version: the last ones stay what they are, newer ones are in what is to be the next.
_RELEASES = {"0.10": "trixie", "0.12": "forky"}
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LIMIT = 300
_PROGRAM = """\
#!/bin/sh
# Unpacked, not installed: it is told where its parts are.
export VIMRUNTIME="{root}/usr/share/nvim/runtime"
exec "{loader}" --library-path "{libraries}" --argv0 nvim "{root}/usr/bin/nvim" \\
  --cmd "set runtimepath^={root}/usr/lib/nvim" "$@"
"""


class NotToBeHad(Exception):
    pass


def main() -> int:
    version, folder = sys.argv[1], Path(sys.argv[2]).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            _unpack(_packages(version, Path(place)), folder / "root")
        _make(folder)
    except (NotToBeHad, subprocess.SubprocessError, OSError, StopIteration) as why:
        shutil.rmtree(folder / "root", ignore_errors=True)
        sys.stderr.write(f"Neovim {version} is not to be had here, so the tests run without: {why}\n")
    return 0


def _packages(version: str, place: Path) -> list[Path]:
    """Neovim's package and all that it needs, down to the C library."""
    if shutil.which("apt-get") is None or not Path(_KEYS).exists():
        raise NotToBeHad("this is no Debian")
    for source in _sources():
        env = _aside(place, source, _RELEASES[version])
        if _apt(env, "update").returncode != 0:
            continue
        policy = subprocess.run(
            ["apt-cache", "show", "neovim"], env=env, check=False, capture_output=True, text=True, timeout=_LIMIT
        )
        if f"\nVersion: {version}." not in policy.stdout:
            raise NotToBeHad(f"Debian {_RELEASES[version]} has another one by now")
        got = _apt(env, "install", "--download-only", "--no-install-recommends", "--yes", "neovim")
        if got.returncode == 0:
            return sorted((place / "cache" / "archives").glob("*.deb"))
    raise NotToBeHad("no source of packages of this system answers for it")


def _sources() -> Iterator[str]:
    """Where this system gets its packages, but for those of security alone."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_LIMIT).stdout
    for line in dict.fromkeys(told.splitlines()):
        source, _, component = line.partition(" ")
        if component == "main" and "security" not in source:
            yield source


def _aside(place: Path, source: str, release: str) -> dict[str, str]:
    """An environment in which apt knows this source alone, and believes that nothing is installed."""
    for name in ("lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True, exist_ok=True)
    (place / "status").touch()
    (place / "sources.list").write_text(f"deb [signed-by={_KEYS}] {source} {release} main\n")
    (place / "apt.conf").write_text(
        f'Dir::State::lists "{place}/lists";\nDir::State::status "{place}/status";\nDir::Cache "{place}/cache";\n'
        f'Dir::Etc::sourcelist "{place}/sources.list";\nDir::Etc::sourceparts "-";\nAPT::Sandbox::User "root";\n'
        'Debug::NoLocking "true";\nAcquire::Languages "none";\n'
    )
    return {**os.environ, "APT_CONFIG": str(place / "apt.conf")}


def _apt(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["apt-get", "-qq", *words], env=env, check=False, capture_output=True, timeout=_LIMIT)


def _unpack(packages: list[Path], root: Path) -> None:
    root.mkdir()
    for package in packages:
        subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True, timeout=_LIMIT)
    shutil.rmtree(root / "usr" / "share" / "doc", ignore_errors=True)


def _make(folder: Path) -> None:
    """Writes the program that starts it."""
    root = folder / "root"
    loader = next((root / "usr").glob("lib*/ld-linux-*.so.*"))
    libraries = next((root / "usr" / "lib").glob("*/libc.so.6")).parent
    program = folder / "nvim"
    program.write_text(_PROGRAM.format(root=root, loader=loader, libraries=libraries))
    program.chmod(0o755)
    subprocess.run([str(program), "--version"], check=True, capture_output=True, timeout=_LIMIT)


if __name__ == "__main__":
    sys.exit(main())

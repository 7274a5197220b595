"""Files that a package manager makes from others. Nobody merges them: they are made anew."""

from __future__ import annotations

from collections.abc import Mapping

_COMMANDS: Mapping[str, str] = {
    "package-lock.json": "npm install --package-lock-only",
    "npm-shrinkwrap.json": "npm install --package-lock-only",
    "yarn.lock": "yarn install --mode update-lockfile",
    "pnpm-lock.yaml": "pnpm install --lockfile-only",
    "bun.lock": "bun install --lockfile-only",
    "bun.lockb": "bun install --lockfile-only",
    "deno.lock": "deno install",
    "poetry.lock": "poetry lock",
    "uv.lock": "uv lock",
    "pdm.lock": "pdm lock",
    "Pipfile.lock": "pipenv lock",
    "pixi.lock": "pixi lock",
    "Cargo.lock": "cargo update --workspace",
    "go.sum": "go mod tidy",
    "go.work.sum": "go work sync",
    "Gemfile.lock": "bundle lock",
    "composer.lock": "composer update --lock",
    "mix.lock": "mix deps.get",
    "pubspec.lock": "dart pub get",
    "Podfile.lock": "pod install",
    "Package.resolved": "swift package resolve",
    "packages.lock.json": "dotnet restore --force-evaluate",
    "gradle.lockfile": "gradle dependencies --write-locks",
    "flake.lock": "nix flake lock",
    ".terraform.lock.hcl": "terraform init",
}


def command(path: str) -> str | None:
    """What makes the file anew in its folder, ``None`` for files of other kinds."""
    return _COMMANDS.get(path.rpartition("/")[2])

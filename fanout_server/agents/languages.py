"""The languages that ast-grep knows without plugins, their other names, and the file endings that tell them.

Standard library only: the rewrite program imports this, and its start is part of every unit's time.
"""

from __future__ import annotations

_ENDINGS = {
    "bash": "sh bash bats ksh zsh",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hh hpp hxx h++ cu ino h",
    "csharp": "cs",
    "css": "css",
    "dart": "dart",
    "elixir": "ex exs",
    "go": "go",
    "haskell": "hs",
    "hcl": "hcl tf tfvars nomad",
    "html": "html htm xhtml",
    "java": "java",
    "javascript": "js jsx mjs cjs",
    "json": "json",
    "kotlin": "kt kts ktm",
    "lua": "lua",
    "markdown": "md markdown",
    "nix": "nix",
    "php": "php",
    "python": "py pyi py3 bzl",
    "ruby": "rb rbw gemspec",
    "rust": "rs",
    "scala": "scala sc sbt",
    "solidity": "sol",
    "swift": "swift",
    "tsx": "tsx",
    "typescript": "ts mts cts",
    "yaml": "yml yaml",
    "zig": "zig zon",
}

_ALIASES = {
    "c#": "csharp",
    "c++": "cpp",
    "cs": "csharp",
    "golang": "go",
    "js": "javascript",
    "jsx": "javascript",
    "kt": "kotlin",
    "md": "markdown",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "sol": "solidity",
    "terraform": "hcl",
    "ts": "typescript",
    "yml": "yaml",
}

NAMES = tuple(_ENDINGS)


def canonical(name: str) -> str | None:
    """ast-grep's name for a language, ``None`` where it has none of that name."""
    lower = name.strip().lower()
    found = _ALIASES.get(lower, lower)
    return found if found in _ENDINGS else None


def of_path(path: str) -> tuple[str, ...]:
    """What a file may be written in, by its ending, the likeliest first. Empty where the ending tells nothing."""
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    if not dot or not stem:
        return ()
    return tuple(language for language, endings in _ENDINGS.items() if ending.lower() in endings.split())

"""The options of a plan: what each key takes, how it is read strictly, and how it is written again.

The keys and their forms are the contract's: the front matter of a plan document, the ``options`` of an editor's
command and ``--set`` in the terminal all pass through here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from fanout_server import option_shapes as shapes
from fanout_server import option_values as values
from fanout_server.model import Options
from fanout_server.option_values import BadOption, did_you_mean

__all__ = [
    "AGENTS",
    "OPTION_KEYS",
    "BadOption",
    "below",
    "did_you_mean",
    "options_to_mapping",
    "parse_option",
    "parse_options",
    "state_root",
]

OPTION_KEYS: tuple[str, ...] = (
    "agent",
    "model",
    "command",
    "output",
    "rewrite",
    "split",
    "jobs",
    "owns",
    "copy",
    "link",
    "setup",
    "setup_key",
    "verify",
    "check",
    "attempts",
    "timeout",
    "stall",
    "untracked_limit",
    "budget",
    "unit_budget",
    "prices",
    "pilot",
    "order",
    "mode",
    "review",
    "conflicts",
    "cache",
    "cache_limit",
    "apply",
    "worktrees",
    "env",
    "env_pass",
    "allow",
    "args",
)

AGENTS = ("claude", "codex", "gemini", "opencode", "copilot", "rewrite", "command")
SPLITS = ("path", "symbol", "item", "folder", "diagnostic", "line")
ORDERS = ("plan", "depends")
MODES = ("edit", "review")
REVIEWS = ("checks", "agent", "none")
CONFLICTS = ("leave", "agent")
CACHES = ("use", "renew", "off")
APPLIES = ("ask", "now", "later")
WORKTREES = ("auto", "overlay", "copy", "pool", "plain")

_ACP_AGENT = re.compile(r"acp:[A-Za-z0-9][A-Za-z0-9._-]*")

# Deeper nesting than this length allows would be too much for the compiler of regular expressions.


def parse_option(key: str, value: object) -> object:
    """One option's value, as ``Options`` holds it, from what YAML or JSON gave. Raises BadOption."""
    parser = _PARSERS.get(key)
    if parser is None:
        raise BadOption(key, f"There is no option {key!r}{values.hint(key, OPTION_KEYS)}")
    return parser(key, value)


def parse_options(values: Mapping[str, object], base: Options | None = None) -> Options:
    """``base`` with ``values`` over it. Raises BadOption for the first key or value that is wrong."""
    parsed: dict[str, Any] = {key: parse_option(key, value) for key, value in values.items()}
    return attrs.evolve(base or Options(), **parsed)


def below(lower: Mapping[str, object], upper: Mapping[str, object]) -> dict[str, object]:
    """What of a lower layer still counts where ``upper`` stands above it.

    Whoever gives a ``command`` or rules to ``rewrite`` with, and no ``agent``, means the agent that does so.
    """
    taken = set(upper)
    if upper.get("command") or upper.get("rewrite"):
        taken.add("agent")
    return {key: value for key, value in lower.items() if key not in taken}


def options_to_mapping(options: Options) -> dict[str, object]:
    """What differs from the defaults, in contract order and form; ``parse_options`` of it gives the same options."""
    default = Options()
    return {
        key: _WRITERS.get(key, values.plain)(getattr(options, key))
        for key in OPTION_KEYS
        if getattr(options, key) != getattr(default, key)
    }


def state_root() -> Path:
    """``$XDG_STATE_HOME/fanout``: for worktrees, logs and kept sides. A relative setting is ignored, as XDG says."""
    path = platformdirs.user_state_path("fanout", appauthor=False)
    return path if path.is_absolute() else Path.home() / ".local" / "state" / "fanout"


def _agent(key: str, value: object) -> str:
    if isinstance(value, str) and (value in AGENTS or _ACP_AGENT.fullmatch(value)):
        return value
    raise values.wrong_word(key, value, AGENTS, ", ".join(AGENTS) + ", acp:NAME")


_PARSERS: dict[str, values.Parser] = {
    "agent": _agent,
    "model": values.text,
    "command": values.program,
    "output": shapes.output,
    "rewrite": shapes.rewrite,
    "split": values.one_of(SPLITS),
    "jobs": values.whole(1, 256),
    "owns": values.globs,
    "copy": values.inner_globs,
    "link": values.inner_globs,
    "setup": values.program,
    "setup_key": values.inner_globs,
    "verify": values.program,
    "check": values.program,
    "attempts": values.whole(1, 20),
    "timeout": values.duration,
    "stall": values.duration,
    "untracked_limit": values.size,
    "budget": values.money,
    "unit_budget": values.money,
    "prices": shapes.prices,
    "pilot": values.whole(0, None),
    "order": values.one_of(ORDERS),
    "mode": values.one_of(MODES),
    "review": values.one_of(REVIEWS),
    "conflicts": values.one_of(CONFLICTS),
    "cache": values.one_of(CACHES),
    "cache_limit": values.size,
    "apply": values.one_of(APPLIES),
    "worktrees": values.one_of(WORKTREES),
    "env": shapes.env,
    "env_pass": values.texts,
    # In the agent's own words, which may hold spaces and brackets: one text is one word, not split.
    "allow": values.texts,
    "args": values.argv,
}


_WRITERS: dict[str, Callable[..., object]] = {
    "output": shapes.write_output,
    "prices": shapes.write_prices,
    "rewrite": shapes.write_rules,
    "timeout": values.write_duration,
    "stall": values.write_duration,
    "untracked_limit": values.write_size,
    "cache_limit": values.write_size,
    "budget": values.write_money,
    "unit_budget": values.write_money,
}

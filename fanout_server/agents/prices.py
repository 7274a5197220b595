"""What tokens cost where the program does not tell: list prices in dollars for a million tokens.

Everything that is worked out from them is an estimate: prices change, long prompts and fast answers cost more, and
with a subscription tokens cost nothing by themselves. Who knows better sets the option ``prices``.

Sources: OpenAI's rate card for Codex as checked on 2026-05-13 (25 credits to the dollar), and the public price lists of
OpenAI, Anthropic and Google as of early 2026. Not looked at again since.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from fanout_server.model import Price, Tokens

# The first that fits is taken, so what is more particular comes first.
_MODELS: tuple[tuple[str, Price], ...] = (
    ("gpt-5.5*", Price(5.0, 30.0, 0.5)),
    ("gpt-5.4-mini*", Price(0.75, 4.5, 0.075)),
    ("gpt-5.4", Price(2.5, 15.0, 0.25)),
    ("gpt-5.3-codex", Price(1.75, 14.0, 0.175)),
    ("gpt-5.2", Price(1.75, 14.0, 0.175)),
    ("gpt-5.2-codex", Price(1.75, 14.0, 0.175)),
    ("gpt-5.1-codex-mini*", Price(0.25, 2.0, 0.025)),
    ("gpt-5.1*", Price(1.25, 10.0, 0.125)),
    ("gpt-5-mini*", Price(0.25, 2.0, 0.025)),
    ("gpt-5-nano*", Price(0.05, 0.4, 0.005)),
    ("gpt-5-pro*", Price(15.0, 120.0)),
    ("gpt-5", Price(1.25, 10.0, 0.125)),
    ("gpt-5-codex", Price(1.25, 10.0, 0.125)),
    ("gemini-3*-pro*", Price(2.0, 12.0, 0.2)),
    ("gemini-3-flash*", Price(0.5, 3.0, 0.05)),
    ("gemini-2.5-pro*", Price(1.25, 10.0, 0.125)),
    ("gemini-2.5-flash-lite*", Price(0.1, 0.4, 0.01)),
    ("gemini-2.5-flash*", Price(0.3, 2.5, 0.03)),
    ("claude-opus-4[-.][567]*", Price(5.0, 25.0, 0.5)),
    ("claude-opus-4*", Price(15.0, 75.0, 1.5)),
    ("claude-sonnet-4*", Price(3.0, 15.0, 0.3)),
    ("claude-haiku-4*", Price(1.0, 5.0, 0.1)),
)

# Nobody said which model, and the program did not either. Rather too dear: budgets are to hold.
_DEFAULTS = {
    "claude": Price(5.0, 25.0, 0.5),
    "codex": Price(5.0, 30.0, 0.5),
    "gemini": Price(2.0, 12.0, 0.2),
    "copilot": Price(5.0, 25.0, 0.5),
}


def cost_of(agent: str, model: str | None, tokens: Tokens, overrides: Mapping[str, Price]) -> float | None:
    """In dollars; ``None`` for a model whose price nobody knows. The first glob of ``overrides`` that fits goes first.

    ``model`` may have its provider before it, as in ``openai/gpt-5``. Without one the agent's default is meant.
    """
    price = _price(agent, model or "", overrides)
    if price is None:
        return None
    read = min(tokens.cached, tokens.input)
    cached = price.input if price.cached is None else price.cached
    return ((tokens.input - read) * price.input + read * cached + tokens.output * price.output) / 1e6


def _price(agent: str, model: str, overrides: Mapping[str, Price]) -> Price | None:
    # Names as they are told first, then without the provider.
    names = (model, model.rpartition("/")[2])
    for table in (overrides.items(), _MODELS):
        for glob, price in table:
            if any(fnmatchcase(name, glob) for name in names):
                return price
    return None if model else _DEFAULTS.get(agent)

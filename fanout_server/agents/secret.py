"""Keys and passwords in what programs say: services like to quote the key that they did not take."""

from __future__ import annotations

import re

# The shapes of the keys of model services and of code hosts; what stands in their place stays readable.
_SECRET = re.compile(
    r"""
      \b(?:sk|pk|rk|xai|gsk|key)-[A-Za-z0-9_*-]{8,}                 # services of models
    | \bAIza[A-Za-z0-9_-]{20,}
    | \b(?:gh[opusr]|github_pat|glpat)[_-][A-Za-z0-9_-]{16,}        # code hosts
    | \beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?      # JSON web tokens
    | (?<=://)[^\s/@:]+:[^\s/@]+(?=@)                               # the user and password of an address
    | (?<=[Bb]earer\ )[^\s"',;]{8,}
    | (?<=[?&]key=)[^\s&"')]+
    | (?<=[?&]token=)[^\s&"')]+
    | (?<=[?&]api_key=)[^\s&"')]+
    | (?<=[?&]access_token=)[^\s&"')]+
    """,
    re.VERBOSE,
)

_MASK = "[secret]"


def masked(text: str) -> str:
    return _SECRET.sub(_MASK, text)

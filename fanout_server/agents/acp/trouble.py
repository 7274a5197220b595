"""What the words of an ACP agent say about a failure of the service behind it: the protocol has no words for that."""

from __future__ import annotations

import re

from fanout_server.agents import service
from fanout_server.model import FailureKind

AUTHENTICATION_REQUIRED = -32000

# As codex (last status: 429 Too Many Requests), copilot (Last error: 429 ..., Error: ... (HTTP 401)) and gemini
# ("code":401) have it.
_STATUS = re.compile(
    r"(?:(?:\b(?:(?:last|unexpected) (?:status|error)|status ?code|api error|error code)|\"code\")[\"':= ]{1,4}"
    r"|\berror: [^\n]{0,300}\(HTTP )([1-5]\d\d)\b",
    re.IGNORECASE,
)
_WORDS = (
    (
        FailureKind.RATE_LIMITED,
        re.compile(r"\b429\b|too many requests|rate.?limit|quota exceeded|resource.?exhausted", re.IGNORECASE),
    ),
    (
        FailureKind.NOT_SIGNED_IN,
        re.compile(
            r"\bunauthori[sz]ed\b|unauthenticated|authentication (?:required|failed)|api key|sign in|log ?in",
            re.IGNORECASE,
        ),
    ),
    (
        FailureKind.OVERLOADED,
        re.compile(r"\b(?:503|529)\b|overloaded|service unavailable|\"UNAVAILABLE\"", re.IGNORECASE),
    ),
)
# Longer than any such message; the agent's own words on its work are no message of failure, whatever they speak of.
_LONGEST = 1500


def in_text(said: str) -> FailureKind | None:
    """For what an agent says as if it were its answer: only what looks like a service's status counts."""
    found = _STATUS.search(said) if len(said) <= _LONGEST else None
    return service.kind_of(int(found[1])) if found else None


def in_error(code: int, message: str) -> FailureKind | None:
    """For what an agent itself calls an error; ``None`` where it seems to be its own."""
    if code == AUTHENTICATION_REQUIRED:
        return FailureKind.NOT_SIGNED_IN
    kind = service.kind_of(code) or in_text(message)
    return kind or next((kind for kind, words in _WORDS if words.search(message)), None)

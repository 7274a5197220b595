"""How many attempts may ask the same service at a time, over all runs of this process.

A service limits an account, not a run: so there is one limiter for each agent and account, and what it tells one unit
holds for all. There is no ceiling until the service refuses. Then what was at work is halved, and each round trip
without a refusal adds one (additive increase, multiplicative decrease, as TCP does).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from fnmatch import fnmatchcase

import anyio
import anyio.lowlevel
from attrs import define, field, frozen

# What says who pays, and whom is asked. Programs keep what they signed in with below these folders.
_SIGNS_IN = (
    *("*_API_KEY", "*_AUTH_TOKEN", "*_OAUTH_TOKEN", "*_ACCESS_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"),
    *("*_BASE_URL", "*_API_BASE", "*_ENDPOINT", "CLAUDE_CODE_USE_*", "OPENCODE_CONFIG_CONTENT"),
    *("AWS_PROFILE", "AWS_REGION", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "COPILOT_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"),
)

# A program may print any number: no pause lasts longer than that, whatever a service is said to have asked for.
_LONGEST_ASKED = 6 * 3600.0
_LONGEST = 300.0
_MOST_DOUBLINGS = 32

_TIMES = 8
_SECONDS = 1800.0


@frozen
class Account:
    """Who asks which service: ``signed_in`` stands for names and values of variables, and cannot be turned back."""

    agent: str
    signed_in: str


def account(agent: str, env: Mapping[str, str]) -> Account:
    """Of the environment that the agent's program gets."""
    digest = hashlib.sha256()
    for name in sorted(name for name in env if any(fnmatchcase(name, glob) for glob in _SIGNS_IN)):
        for part in (name, env[name]):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return Account(agent, digest.hexdigest()[:16])


def give_up(refusals: int, waited: float, pause_left: float) -> str | None:
    """Why a unit that was refused is not queued again; ``None`` where it is.

    ``refusals`` are the unit's own, this one with them; ``waited`` is the time since its first one.
    """
    if refusals > _TIMES:
        return f"the service refused it {refusals} times; run the unit again later, or with fewer 'jobs'"
    if waited + pause_left > _SECONDS:
        minutes = math.ceil((waited + pause_left) / 60)
        return f"the service would have kept it waiting for {minutes} minutes; run the unit again later"
    return None


@define(eq=False)
class _Waiter:
    granted: bool = False
    stirred: anyio.Event = field(factory=anyio.Event)


class Place:
    """One attempt's leave to ask the service. What it hears there is told here, while it is held."""

    def __init__(self, limiter: Limiter, generation: int) -> None:
        self._limiter = limiter
        self._generation = generation
        self._refused = False

    def refused(self, retry_after: float | None = None) -> None:
        """A rate limit or an overload. ``retry_after``: seconds that the service asked to wait."""
        self._refused = True
        self._limiter._refused(self._generation, retry_after)  # noqa: SLF001  the two are one

    def went_well(self) -> None:
        """The attempt got all its answers. Means nothing where it was refused before."""
        if not self._refused:
            self._limiter._went_well(self._generation)  # noqa: SLF001  as above


class Limiter:
    """Of one account. For one event loop.

    Those who ask are served in the order of their asking. ``first_pause`` is the pause in seconds after a refusal that
    names none; each further one in a row doubles it.
    """

    def __init__(self, *, first_pause: float = 4.0, draw: Callable[[], float] = random.random) -> None:
        self._first_pause = first_pause
        self._draw = draw
        self._queue: deque[_Waiter] = deque()
        self._at_work = 0
        self._width = math.inf
        self._pause_until = -math.inf
        # Counts the decreases: what began before the last one tells nothing new.
        self._generation = 0
        self._in_a_row = 0

    @property
    def at_work(self) -> int:
        return self._at_work

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def width(self) -> int | None:
        """How many may be at work at a time; ``None`` while nothing went wrong."""
        return None if math.isinf(self._width) else int(self._width)

    @property
    def pause_left(self) -> float:
        """Seconds for which nobody begins."""
        return max(0.0, self._pause_until - anyio.current_time())

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Waits until there is a place and no pause."""
        await self._enter()
        try:
            yield Place(self, self._generation)
        finally:
            self._leave()

    async def _enter(self) -> None:
        waiter = _Waiter()
        self._queue.append(waiter)
        try:
            self._grant()
            if waiter.granted:
                await anyio.lowlevel.checkpoint()
            while not waiter.granted:
                waiter.stirred = anyio.Event()
                # Everybody has an eye on the end of the pause: whoever is first may be gone by then.
                with anyio.CancelScope(deadline=self._pause_until if self.pause_left else math.inf):
                    await waiter.stirred.wait()
                self._grant()
        except BaseException:
            if waiter.granted:
                self._leave()
            else:
                self._queue.remove(waiter)
            raise

    def _leave(self) -> None:
        self._at_work -= 1
        self._grant()

    def _grant(self) -> None:
        if self.pause_left:
            return
        while self._queue and self._at_work < self._allowed():
            waiter = self._queue.popleft()
            waiter.granted = True
            self._at_work += 1
            waiter.stirred.set()

    def _allowed(self) -> float:
        return math.inf if math.isinf(self._width) else int(self._width)

    def _refused(self, generation: int, retry_after: float | None) -> None:
        asked = _seconds(retry_after)
        if generation == self._generation:
            # Half of those that did ask; a width that nobody used says nothing.
            self._width = max(1, min(self._at_work, self._allowed()) // 2)
            self._generation += 1
            self._in_a_row += 1
            self._pause(self._backoff() if asked is None else asked + self._jitter(asked))
        elif asked is not None:
            self._pause(asked + self._jitter(asked))

    def _went_well(self, generation: int) -> None:
        if generation != self._generation:
            return
        self._in_a_row = 0
        if self._at_work >= self._allowed():
            self._width += 1 / self._allowed()
            self._grant()

    def _backoff(self) -> float:
        """Between half of it and all of it, so that several processes do not come back together."""
        doubled = self._first_pause * 2.0 ** min(self._in_a_row - 1, _MOST_DOUBLINGS)
        return min(doubled, _LONGEST) * (0.5 + self._draw() / 2)

    def _jitter(self, asked: float) -> float:
        """Never earlier than the service asked for."""
        return self._draw() * min(max(self._first_pause, asked / 10), _LONGEST / 10)

    def _pause(self, seconds: float) -> None:
        until = anyio.current_time() + seconds
        if until > self._pause_until:
            self._pause_until = until
            for waiter in self._queue:
                waiter.stirred.set()


def _seconds(retry_after: float | None) -> float | None:
    """Untrusted: a program may print anything there."""
    if retry_after is None or not math.isfinite(retry_after) or retry_after <= 0:
        return None
    return min(retry_after, _LONGEST_ASKED)


class Limiters:
    """All limiters of a process, made when they are asked for."""

    def __init__(self, make: Callable[[], Limiter] = Limiter) -> None:
        self._make = make
        self._limiters: dict[Account, Limiter] = {}

    def __call__(self, account: Account) -> Limiter:
        if account not in self._limiters:
            self._limiters[account] = self._make()
        return self._limiters[account]

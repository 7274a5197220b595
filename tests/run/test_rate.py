"""The limiter by a clock of our own: what it allows, whom it serves first, and that nothing is lost on the way."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.run import rate
from fanout_server.run.rate import Limiter, Limiters, Place, account
from tests.run import clock

Work = Callable[[Place], Awaitable[None]]


def limiter(draw: float = 0.0) -> Limiter:
    return Limiter(first_pause=4.0, draw=lambda: draw)


async def together(limited: Limiter, *works: Work) -> None:
    async def one(work: Work) -> None:
        async with limited.place() as place:
            await work(place)

    async with anyio.create_task_group() as tasks:
        for work in works:
            tasks.start_soon(one, work)


async def refuse(limited: Limiter, at_work: int, retry_after: float | None = None) -> None:
    """All of ``at_work`` are refused in the same round trip."""
    barrier = anyio.Event()

    async def work(place: Place) -> None:
        if limited.at_work == at_work:
            barrier.set()
        await barrier.wait()
        place.refused(retry_after)

    await together(limited, *[work] * at_work)


def test_there_is_no_ceiling_while_nothing_goes_wrong() -> None:
    async def main() -> None:
        limited = limiter()
        seen = []

        async def work(place: Place) -> None:
            await anyio.sleep(1)
            seen.append(limited.at_work)
            place.went_well()

        await together(limited, *[work] * 40)
        assert max(seen) == 40
        assert limited.width is None
        assert anyio.current_time() == pytest.approx(1)

    clock.run(main)


def test_one_round_trip_halves_once_and_pauses_once() -> None:
    async def main() -> None:
        limited = limiter()
        await refuse(limited, 8)
        assert limited.width == 4
        assert limited.pause_left == pytest.approx(2.0)
        await refuse(limited, 4)
        assert limited.width == 2
        # The second in a row: doubled. It began after the first pause.
        assert limited.pause_left == pytest.approx(4.0)
        assert anyio.current_time() == pytest.approx(2.0)

    clock.run(main)


def test_the_width_never_falls_below_one_and_pauses_have_an_end() -> None:
    async def main() -> None:
        limited = limiter(draw=1.0)
        for _ in range(50):
            await refuse(limited, 1)
            assert limited.width == 1
            assert limited.pause_left <= 300.0
        assert limited.pause_left == pytest.approx(300.0)

    clock.run(main)


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_a_retry_after_holds_everybody_at_least_so_long(draw: float) -> None:
    async def main() -> None:
        limited = limiter(draw)
        await refuse(limited, 2, retry_after=60.0)
        began = []

        async def work(place: Place) -> None:
            began.append(anyio.current_time())

        await together(limited, *[work] * 3)
        assert 60.0 <= min(began) <= 60.0 + 6.1

    clock.run(main)


def test_a_later_retry_after_of_the_same_round_trip_lengthens_the_pause_for_those_that_wait() -> None:
    async def main() -> None:
        limited = limiter()
        began = []

        async def first(place: Place) -> None:
            await anyio.sleep(1)
            place.refused(10.0)
            await anyio.sleep(5)

        async def second(place: Place) -> None:
            await anyio.sleep(9)
            place.refused(30.0)

        async def idle(place: Place) -> None:
            await anyio.sleep(3)

        async def third(place: Place) -> None:
            began.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(together, limited, first, second, idle, idle)
            await anyio.sleep(2)
            assert limited.pause_left == pytest.approx(9.0)
            await together(limited, third)
        assert began == [pytest.approx(39.0)]
        assert limited.width == 2

    clock.run(main)


@pytest.mark.parametrize("asked", [math.nan, math.inf, -math.inf, -5.0, 0.0, 1e300])
def test_what_a_program_says_about_waiting_is_not_trusted(asked: float) -> None:
    async def main() -> None:
        limited = limiter()
        await refuse(limited, 1, asked)
        assert 0 < limited.pause_left <= 7 * 3600

    clock.run(main)


def test_success_widens_by_one_each_round_trip_and_only_where_the_width_was_used() -> None:
    async def main() -> None:
        limited = limiter()
        await refuse(limited, 8)

        async def good(place: Place) -> None:
            await anyio.sleep(1)
            place.went_well()

        assert limited.width == 4
        # Two at a time do not show that five could be.
        for _ in range(10):
            await together(limited, good, good)
        assert limited.width == 4
        await together(limited, *[good] * 8)
        assert limited.width == 5

    clock.run(main)


def test_what_began_before_a_decrease_neither_widens_nor_ends_the_doubling() -> None:
    async def main() -> None:
        limited = limiter()
        barrier = anyio.Event()

        async def refused(place: Place) -> None:
            place.refused()
            barrier.set()

        async def old(place: Place) -> None:
            await barrier.wait()
            place.went_well()

        await together(limited, old, old, old, refused)
        assert limited.width == 2
        await refuse(limited, 1)
        assert limited.pause_left == pytest.approx(4.0)

    clock.run(main)


def test_refused_and_well_after_all_counts_as_refused() -> None:
    async def main() -> None:
        limited = limiter()

        async def work(place: Place) -> None:
            place.refused()
            place.refused()
            place.went_well()

        await together(limited, work)
        assert limited.width == 1
        await refuse(limited, 1)
        assert limited.pause_left == pytest.approx(4.0)

    clock.run(main)


def test_those_who_ask_first_are_served_first() -> None:
    async def main() -> None:
        limited = limiter()
        await refuse(limited, 4)
        order: list[int] = []

        def numbered(number: int) -> Work:
            async def work(place: Place) -> None:
                order.append(number)
                await anyio.sleep(1 + number % 3)

            return work

        await together(limited, *[numbered(number) for number in range(12)])
        assert order == list(range(12))

    clock.run(main)


def test_a_cancelled_waiter_lets_the_next_one_by() -> None:
    async def main() -> None:
        limited = limiter()
        await refuse(limited, 1)
        began = []

        async def work(place: Place) -> None:
            began.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            gives_up = anyio.CancelScope()

            async def impatient() -> None:
                with gives_up:
                    await together(limited, work)

            tasks.start_soon(impatient)
            await anyio.sleep(1)
            tasks.start_soon(together, limited, work)
            gives_up.cancel()
        assert began == [pytest.approx(2.0)]
        assert (limited.at_work, limited.waiting) == (0, 0)

    clock.run(main)


def test_who_is_cancelled_with_the_place_just_given_gives_it_on() -> None:
    async def main() -> None:
        limited = limiter()
        await refuse(limited, 1)
        scope = anyio.CancelScope()
        served = []

        async def leaves(place: Place) -> None:
            await anyio.sleep(1)
            # As this one leaves, the place goes to the next in the queue, who is cancelled in the same step.
            scope.cancel()

        async def doomed() -> None:
            with scope:
                async with limited.place():
                    served.append("doomed")

        async def last(place: Place) -> None:
            served.append("last")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(together, limited, leaves)
            await anyio.sleep(2.5)
            tasks.start_soon(doomed)
            await anyio.sleep(0.1)
            tasks.start_soon(together, limited, last)
        assert served == ["last"]
        assert (limited.at_work, limited.waiting) == (0, 0)

    clock.run(main)


class Watched(Limiter):
    """Looks at each grant."""

    def _grant(self) -> None:
        before, queue = self.at_work, list(self._queue)
        super()._grant()
        # The first ones, and no other.
        assert queue[self.at_work - before :] == list(self._queue)
        if self.at_work > before:
            assert self.pause_left == 0
            assert self.width is None or self.at_work <= self.width


STEPS = st.lists(
    st.tuples(
        st.floats(0, 20),  # when it asks
        st.floats(0, 10),  # how long it works
        st.sampled_from(["well", "well", "refused", "asked", "broken"]),
        st.none() | st.floats(0, 40),  # when somebody loses patience with it
    ),
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.floats(0, 1))
def test_whatever_happens_nobody_is_forgotten_and_no_place_leaks(
    steps: list[tuple[float, float, str, float | None]], draw: float
) -> None:
    """A lost wake-up ends as a Deadlock of the clock, a leak as a place that is still held."""

    async def main() -> None:
        limited = Watched(first_pause=4.0, draw=lambda: draw)
        began: list[int] = []

        async def one(number: int, asks: float, works: float, ends: str, patience: float | None) -> None:
            await anyio.sleep(asks)
            with anyio.move_on_after(math.inf if patience is None else patience):
                async with limited.place() as place:
                    began.append(number)
                    await anyio.sleep(works)
                    if ends == "well":
                        place.went_well()
                    elif ends != "broken":
                        place.refused(7.0 if ends == "asked" else None)
            done.append(number)

        done: list[int] = []
        async with anyio.create_task_group() as tasks:
            for number, step in enumerate(steps):
                tasks.start_soon(one, number, *step)
        assert sorted(done) == list(range(len(steps)))
        assert (limited.at_work, limited.waiting) == (0, 0)
        assert {number for number, step in enumerate(steps) if step[3] is None} <= set(began)
        assert limited.width is None or limited.width >= 1

    clock.run(main)


def test_an_account_is_known_by_what_signs_it_in_and_never_holds_it() -> None:
    secret = "sk-ant-very-secret"
    env = {"ANTHROPIC_API_KEY": secret, "HOME": "/home/me", "LANG": "C"}
    mine = account("claude", env)
    assert secret not in repr(mine)
    assert mine == account("claude", {**env, "LANG": "de", "FANOUT_ATTEMPT": "x/y/1"})
    others = [
        account("codex", env),
        account("claude", {**env, "ANTHROPIC_API_KEY": "another"}),
        account("claude", {**env, "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}),
        account("claude", {**env, "CLAUDE_CONFIG_DIR": "/other"}),
        # Where one value ends and the next name begins must not be a matter of luck.
        account("claude", {"ANTHROPIC_API_KEY": "", "HOME": "/home/me" + secret}),
        account("claude", {**env, "OPENAI_API_KEY": "\udc80"}),
    ]
    assert len({mine, *others}) == len(others) + 1


def test_one_account_has_one_limiter() -> None:
    limiters = Limiters()
    one, other = account("claude", {"HOME": "/a"}), account("claude", {"HOME": "/b"})
    assert limiters(one) is limiters(account("claude", {"HOME": "/a"}))
    assert limiters(one) is not limiters(other)


@pytest.mark.parametrize(
    ("refusals", "waited", "pause", "said"),
    [
        (1, 0.0, 60.0, None),
        (8, 1700.0, 60.0, None),
        (9, 10.0, 0.0, "refused it 9 times"),
        (2, 1790.0, 60.0, "31 minutes"),
        (1, 0.0, 5 * 3600.0, "300 minutes"),
    ],
)
def test_when_a_refused_unit_is_given_up(refusals: int, waited: float, pause: float, said: str | None) -> None:
    reason = rate.give_up(refusals, waited, pause)
    assert reason is None if said is None else said in (reason or "")

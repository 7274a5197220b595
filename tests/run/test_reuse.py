"""A plan that is run again: what has not changed is taken from the earlier run, and everything else is done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from fanout_server import model, run_events
from fanout_server.agents import registry
from fanout_server.model import Changes, Options, Plan, Position, Range, RunState, RunView, Target, Unit, UnitState
from fanout_server.planning.texts import nothing_open
from fanout_server.repo import refs
from fanout_server.repo.contents import OfCommit
from fanout_server.repo.repository import Repository
from fanout_server.run import prompting, result_keys, reuse
from fanout_server.run.engine import Engine
from fanout_server.run.kept_results import KeptResults
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, Use, codes, run_plan, unit_of

pytestmark = pytest.mark.anyio

FILES = {"a": "a.txt", "b": "b.txt"}


@pytest.fixture
def tally(tmp_path: Path) -> Callable[[], list[str]]:
    """What agents were asked to do since it was asked for the last time; they write it to ``$TALLY``."""
    path = tmp_path / "tally"

    def read() -> list[str]:
        found = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(found)

    return read


@pytest.fixture
def work(tmp_path: Path, make_plan: PlanMaker) -> Callable[..., Plan]:
    def make(script: str = "echo done >> $1", files: dict[str, str] = FILES, **options: Any) -> Plan:
        return make_plan(files, f"echo $1 >> '{tmp_path}/tally'; {script}", **options)

    return make


Work = Callable[..., Plan]
Tally = Callable[[], list[str]]


def kept(view: RunView) -> list[str]:
    return [unit.id for unit in view.units if unit.kept]


async def test_the_same_again_costs_nothing_and_comes_to_the_same(
    engine: Engine, checkout: Path, git: GitCommand, work: Work, tally: Tally
) -> None:
    first = await run_plan(engine, work())
    assert tally() == ["a.txt", "b.txt"]
    second = await run_plan(engine, work())
    assert tally() == []
    assert (second.state, kept(second)) == (RunState.READY, ["a", "b"])
    assert {unit.kept for unit in second.units} == {first.id}
    assert "2 of 2 units done" in second.message
    assert git(checkout, "diff", str(first.merged), str(second.merged)) == ""
    assert second.owners == first.owners
    assert [unit.files for unit in second.units] == [unit.files for unit in first.units]
    assert [(unit.cost, unit.attempts, unit.seconds) for unit in second.units] == [(None, 0, 0.0)] * 2
    # A third one, of the second, though the first is gone with all that it had.
    await engine.discard(first.id)
    await engine.clean()
    again = await run_plan(engine, work())
    assert tally() == ["a.txt", "b.txt"]
    assert kept(again) == []


async def test_results_outlive_their_run_and_gits_clean_up(
    engine: Engine, checkout: Path, git: GitCommand, work: Work, tally: Tally
) -> None:
    first = await run_plan(engine, work())
    await engine.clean(also_unapplied=True, older_than=0.0)
    assert refs.runs(engine.repository) == ()
    git(checkout, "gc", "-q", "--prune=now")
    tally()
    second = await run_plan(engine, work())
    assert tally() == []
    assert {unit.kept for unit in second.units} == {first.id}
    assert git(checkout, "show", f"{second.merged}:a.txt").endswith("done")
    git(checkout, "fsck", "--strict")


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ("target", ["a.txt"]),
        ("unsaved", ["a.txt"]),
        ("elsewhere", []),
        ("written", ["a.txt"]),
        ("instruction", ["a.txt", "b.txt"]),
        ("one prompt", ["b.txt"]),
        ("model", ["a.txt", "b.txt"]),
        ("jobs", []),
        ("order of units", []),
        ("program", ["a.txt", "b.txt"]),
    ],
)
async def test_only_what_changed_is_done_again(
    engine: Engine, checkout: Path, git: GitCommand, work: Work, tally: Tally, change: str, done: list[str]
) -> None:
    script = "echo done >> $1; test $1 = b.txt || echo new > made.txt"
    (checkout / "tool.sh").write_text("")
    plan = work(script)
    plan = attrs.evolve(plan, options=attrs.evolve(plan.options, command=(*plan.options.command, "tool.sh")))
    await run_plan(engine, plan)
    tally()
    buffers: dict[str, bytes] = {}
    if change == "target":
        (checkout / "a.txt").write_text("other\n")
    elif change == "unsaved":
        buffers = {"a.txt": b"other\n"}
    elif change == "elsewhere":
        (checkout / "src/one.py").write_text("other\n")
    elif change == "written":
        # No target, but what was made for one would not fit any more.
        (checkout / "made.txt").write_text("mine\n")
    elif change == "instruction":
        plan = attrs.evolve(plan, units=tuple(attrs.evolve(unit, prompt="Else.") for unit in plan.units))
    elif change == "one prompt":
        plan = attrs.evolve(plan, units=(plan.units[0], attrs.evolve(plan.units[1], prompt="Else.")))
    elif change == "model":
        plan = attrs.evolve(plan, options=attrs.evolve(plan.options, model="other"))
    elif change == "jobs":
        plan = attrs.evolve(plan, options=attrs.evolve(plan.options, jobs=1, review="none", timeout=99.0))
    elif change == "order of units":
        one, two = plan.units
        plan = attrs.evolve(plan, units=(attrs.evolve(two, id="x", title="X"), attrs.evolve(one, id="y")))
    else:
        (checkout / "tool.sh").write_text("other\n")
    view = await run_plan(engine, plan, buffers)
    assert view.state is RunState.READY
    assert tally() == done
    assert len(kept(view)) == 2 - len(done)


async def test_where_a_program_verifies_the_work_everything_counts(
    engine: Engine, checkout: Path, work: Work, tally: Tally
) -> None:
    plan = work(verify=("true",))
    await run_plan(engine, plan)
    await run_plan(engine, plan)
    assert tally() == ["a.txt", "b.txt"]
    (checkout / "src/one.py").write_text("other\n")
    await run_plan(engine, plan)
    assert tally() == ["a.txt", "b.txt"]


async def test_renew_does_all_again_and_keeps_that_and_off_does_neither(
    engine: Engine, work: Work, tally: Tally, tmp_path: Path
) -> None:
    await run_plan(engine, work(cache="off"))
    assert not (tmp_path / "state" / "results").exists()
    first = await run_plan(engine, work())
    second = await run_plan(engine, work(cache="renew"))
    assert (kept(first), kept(second)) == ([], [])
    tally()
    third = await run_plan(engine, work())
    assert tally() == []
    assert {unit.kept for unit in third.units} == {second.id}
    assert kept(await run_plan(engine, work(cache="off"))) == []
    assert tally() == ["a.txt", "b.txt"]


async def test_a_failed_unit_is_done_again_and_only_that(engine: Engine, work: Work, tally: Tally) -> None:
    plan = work("test $1 = a.txt && echo done >> $1", attempts=1)
    first = await run_plan(engine, plan)
    assert [unit.state for unit in first.units] == [UnitState.DONE, UnitState.FAILED]
    tally()
    second = await run_plan(engine, plan)
    assert tally() == ["b.txt"]
    assert kept(second) == ["a"]


async def test_after_a_crash_the_plan_run_anew_goes_on_where_it_was(
    checkout: Path, work: Work, tally: Tally, tmp_path: Path
) -> None:
    fifo = tmp_path / "at-work"
    os.mkfifo(fifo)
    plan = work(f"if test $1 = b.txt && test -p '{fifo}'; then echo up > '{fifo}'; exec sleep 300; fi; echo x >> $1")
    with anyio.fail_after(60):
        async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
            engine.launch(engine.reserve(), plan, {}, lambda error: pytest.fail(str(error)))
            assert await anyio.Path(fifo).read_text() == "up\n"
            while (await engine.runs())[0].units[0].state is not UnitState.DONE:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        fifo.unlink()
        tally()
        async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
            view = await run_plan(engine, plan)
    assert tally() == ["b.txt"]
    assert (view.state, kept(view)) == (RunState.READY, ["a"])


async def test_what_is_retried_is_done_and_its_old_result_never_taken_again(
    engine: Engine, work: Work, tally: Tally
) -> None:
    first = await run_plan(engine, work())
    second = await run_plan(engine, work())
    assert kept(second) == ["a", "b"]
    tally()
    await engine.retry(second.id, ["a"], "", lambda error: pytest.fail(str(error)))
    view = await engine.wait(second.id)
    assert tally() == ["a.txt"]
    assert (view.state, kept(view)) == (RunState.READY, ["b"])
    third = await run_plan(engine, work())
    assert tally() == []
    assert [unit.kept for unit in third.units] == [second.id, first.id]
    # With a note it is not what would be made of the same again.
    await engine.retry(third.id, ["a"], "Otherwise.", lambda error: pytest.fail(str(error)))
    await engine.wait(third.id)
    assert tally() == ["a.txt"]
    assert kept(await run_plan(engine, work())) == ["b"]
    assert tally() == ["a.txt"]


async def test_what_is_discarded_is_not_taken(engine: Engine, work: Work, tally: Tally) -> None:
    first = await run_plan(engine, work())
    await engine.discard(first.id)
    tally()
    assert kept(await run_plan(engine, work())) == []
    assert tally() == ["a.txt", "b.txt"]


async def test_what_made_the_check_fail_is_not_taken(engine: Engine, work: Work, tally: Tally) -> None:
    plan = work("test $1 = b.txt && echo bad >> $1 || echo good >> $1", check=("sh", "-c", "! grep bad b.txt"))
    first = await run_plan(engine, plan)
    assert "check/culprit" in codes(first)
    tally()
    assert kept(await run_plan(engine, plan)) == ["a"]
    assert tally() == ["b.txt"]


async def test_waves_start_from_what_is_taken(
    engine: Engine, checkout: Path, git: GitCommand, work: Work, tally: Tally
) -> None:
    plan = work("cat a.txt >> b.txt; echo done >> $1")
    plan = attrs.evolve(plan, units=(plan.units[0], attrs.evolve(plan.units[1], after=("a",))))
    first = await run_plan(engine, plan)
    second = await run_plan(engine, plan)
    assert tally() == ["a.txt", "b.txt"]
    assert kept(second) == ["a", "b"]
    assert git(checkout, "diff", str(first.merged), str(second.merged)) == ""
    (checkout / "a.txt").write_text("other\n")
    third = await run_plan(engine, plan)
    # The second one's own target is another, too: the first wrote to it.
    assert tally() == ["a.txt", "b.txt"]
    assert git(checkout, "show", f"{third.merged}:b.txt").count("other") == 2


async def test_no_setup_and_no_probe_where_all_is_taken(
    engine: Engine, use: Use, tmp_path: Path, checkout: Path
) -> None:
    agent = use("""echo x >> a.txt; echo '{"session": "s", "cost": 0.25, "done": 1}'""")
    units = (Unit("a", "A", "Go.", (Target("a.txt"),), setup=("sh", "-c", f"echo x >> '{tmp_path}/setups'")),)
    plan = Plan("Go.", units, Options(agent="scripted"))
    first = await run_plan(engine, plan)
    done = ((tmp_path / "setups").read_text(), len(agent.probes), len(agent.tasks))
    second = await run_plan(engine, plan)
    assert ((tmp_path / "setups").read_text(), len(agent.probes), len(agent.tasks)) == done
    assert (second.cost, unit_of(second, "a").kept) == (None, first.id)
    # What it cost is known of the run that did it, and counts once in what the next is expected to cost.
    estimate = await engine.estimate(plan)
    assert "1 unit of 1 earlier run" in estimate.basis
    assert (await engine.estimate(plan, kept=1)).high == 0.0


async def test_the_user_is_told_before_what_need_not_be_done(
    engine: Engine, checkout: Path, work: Work, tally: Tally
) -> None:
    plan = work()
    before = await engine.preflight(plan)
    assert before is not None
    assert before.kept == {}
    first = await run_plan(engine, plan)
    looked = await engine.preflight(plan)
    assert looked is not None
    assert looked.kept == {"a": first.id, "b": first.id}
    (told,) = [one for one in looked.findings if one.code == "preflight/kept"]
    assert "2 of 2 units need not be done again: a.txt, b.txt." in told.message
    (checkout / "b.txt").write_text("other\n")
    looked = await engine.preflight(plan, lambda path: "typed" if path == "a.txt" else None)
    assert looked is not None
    assert looked.kept == {}
    looked = await engine.preflight(plan, lambda path: _text(checkout / path))
    assert looked is not None
    assert looked.kept == {"a": first.id}
    for options in (attrs.evolve(plan.options, cache="renew"), attrs.evolve(plan.options, model="other")):
        looked = await engine.preflight(attrs.evolve(plan, options=options))
        assert looked is not None
        assert looked.kept == {}
    tally()
    assert kept(await run_plan(engine, plan)) == ["a"]


@pytest.mark.raises_code("preflight/kept")
async def test_it_is_a_finding_of_the_plan(engine: Engine, work: Work) -> None:
    await run_plan(engine, work())
    looked = await engine.preflight(work())
    assert looked is not None
    assert [one.code for one in looked.findings if one.code == "preflight/kept"] == ["preflight/kept"]


@pytest.mark.spares_code("preflight/kept")
async def test_of_a_plan_that_was_never_run_it_is_not(engine: Engine, work: Work) -> None:
    looked = await engine.preflight(work())
    assert looked is not None
    assert "preflight/kept" not in [one.code for one in looked.findings]


async def test_answers_of_units_that_review_are_kept(engine: Engine, checkout: Path, use: Use) -> None:
    answer = (
        '{"summary": "Fine.", "findings": [{"file": "a.txt", "quote": "beta", "line_hint": 2, "severity":'
        ' "warning", "category": "other", "message": "Look.", "related_units": [], "replacement": null, "confidence":'
        " null}]}"
    )
    agent = use(f"""cat > /dev/null; echo '{{"say": "{answer.replace('"', chr(92) + chr(34))}", "done": 1}}'""")
    units = (Unit("a", "A", "Review.", (Target("a.txt"),)),)
    plan = Plan("Review.", units, Options(agent="scripted", mode="review"))
    first = await run_plan(engine, plan)
    assert [(one.code, one.path) for one in first.findings] == [("review/agent", "a.txt")]
    renamed = attrs.evolve(plan, units=(attrs.evolve(units[0], id="z"),))
    (checkout / "b.txt").write_text("other\n")
    second = await run_plan(engine, renamed)
    assert len(agent.tasks) == 1
    assert [(one.code, one.path, one.range, one.units) for one in second.findings] == [
        (one.code, one.path, one.range, ("z",)) for one in first.findings
    ]
    assert (unit_of(second, "z").summary, unit_of(second, "z").kept) == ("Fine.", first.id)


async def test_a_note_to_a_unit_at_work_makes_its_result_no_ones_else(
    engine: Engine, work: Work, tally: Tally, tmp_path: Path
) -> None:
    fifo = tmp_path / "at-work"
    os.mkfifo(fifo)
    plan = work(f"echo done >> $1; if test -p '{fifo}'; then cat '{fifo}'; rm -f '{fifo}'; fi", files={"a": "a.txt"})
    run = engine.reserve()
    engine.launch(run, plan, {}, lambda error: pytest.fail(str(error)))
    with anyio.fail_after(30):
        async with await anyio.open_file(fifo, "w") as hold:
            while not await _sent(engine, run):  # noqa: ASYNC110
                await anyio.sleep(0.01)
            await hold.write("go\n")
        await engine.wait(run)
    tally()
    assert kept(await run_plan(engine, plan)) == []
    assert tally() == ["a.txt"]


def _text(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


async def _sent(engine: Engine, run: str) -> bool:
    try:
        await engine.send(run, "a", "More.")
    except model.FanoutError:
        return False
    return True


async def test_a_kept_unit_can_be_gone_on_with(engine: Engine, git: GitCommand, checkout: Path, work: Work) -> None:
    await run_plan(engine, work())
    second = await run_plan(engine, work())
    await engine.retry(second.id, ["a"], "More.", lambda error: pytest.fail(str(error)))
    view = await engine.wait(second.id)
    assert git(checkout, "show", f"{view.merged}:a.txt").count("done") == 2
    assert "Its result was taken from run" in await engine.show(second.id, "b", "log")
    assert f"Taken from run {view.units[1].kept}." in await engine.show(second.id, None, "report")


async def test_what_cannot_be_read_is_done_again(engine: Engine, work: Work, tally: Tally, tmp_path: Path) -> None:
    await run_plan(engine, work())
    tally()
    for path in (tmp_path / "state" / "results").glob("*/*"):
        path.write_bytes(path.read_bytes()[:-3])
    view = await run_plan(engine, work())
    assert (view.state, kept(view), tally()) == (RunState.READY, [], ["a.txt", "b.txt"])


async def test_where_nothing_can_be_kept_runs_go_on(engine: Engine, work: Work, tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / "results").write_text("no folder")
    for _ in range(2):
        assert (await run_plan(engine, work())).state is RunState.READY
        assert tally() == ["a.txt", "b.txt"]


async def test_no_more_is_kept_than_may_be(engine: Engine, work: Work, tally: Tally, tmp_path: Path) -> None:
    await run_plan(engine, work("head -c 100000 /dev/urandom > $1.new; echo done >> $1"))
    assert len(list((tmp_path / "state" / "results").glob("*/*"))) == 2
    await run_plan(engine, work("echo other >> $1", cache_limit=50_000))
    # Nobody waits for the clean-up.
    with anyio.fail_after(30):
        while len(left := list((tmp_path / "state" / "results").glob("*/*"))) > 2:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    assert sum(path.stat().st_size for path in left) < 50_000
    # One that is larger than its share is not kept at all.
    await run_plan(engine, work("head -c 30000 /dev/urandom > $1.new", cache_limit=50_000))
    assert list((tmp_path / "state" / "results").glob("*/*")) == left


async def test_the_built_in_rewrite_is_quick_enough_to_be_done_again(engine: Engine, tmp_path: Path) -> None:
    rules = (model.RewriteRule("return $A", "return ($A)"),)
    units = (Unit("one", "one", "", (Target("src/one.py"),)),)
    for _ in range(2):
        view = await run_plan(engine, Plan("", units, Options(rewrite=rules)))
        assert (view.state, kept(view)) == (RunState.READY, [])
    assert not (tmp_path / "state" / "results").exists()


def test_what_counts_in_a_key(checkout: Path, git: GitCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository.discover(checkout)
    contents = OfCommit(repository, "HEAD")
    unit = Unit("u", "U", "Do it.", (Target("a.txt"), Target("src")))
    options = Options(agent="command", command=("sh", "-c", "true"))

    def key(unit: Unit = unit, options: Options = options) -> str:
        agent = registry.get(options.agent, options)
        briefing = prompting.briefing_of(agent, Plan("", (unit,), options))
        return result_keys.of_unit(unit, briefing, options, agent, contents)

    first = key()
    assert key(attrs.evolve(unit, id="v", title="V", after=("x",))) == first
    assert key(options=attrs.evolve(options, jobs=9, budget=1.0, attempts=9, apply="now")) == first
    span = Range(Position(0, 0), Position(1, 0))
    others = [
        key(attrs.evolve(unit, prompt="Else.")),
        key(attrs.evolve(unit, targets=(Target("a.txt", span), Target("src")))),
        key(attrs.evolve(unit, targets=())),
        key(attrs.evolve(unit, owns=("a.txt",))),
        key(attrs.evolve(unit, setup=("true",))),
        key(attrs.evolve(unit, setup=("true",)), attrs.evolve(options, setup_key=("b.txt",))),
        key(attrs.evolve(unit, setup=("true",)), attrs.evolve(options, setup_key=("*.txt",))),
        key(attrs.evolve(unit, verify=("true",))),
        key(attrs.evolve(unit, variables={"file": "a.txt"})),
        key(attrs.evolve(unit, changes=Changes("x..y", "x", "y", ("a.txt",)))),
        key(options=attrs.evolve(options, command=("sh", "-c", "false"))),
        key(options=attrs.evolve(options, env={"A": "1"})),
        key(options=attrs.evolve(options, allow=("Bash",))),
        key(options=attrs.evolve(options, args=("-x",))),
        key(options=attrs.evolve(options, mode="review")),
    ]
    monkeypatch.setenv("ANTHROPIC_MODEL", "other")
    others.append(key())
    assert len({first, *others}) == len(others) + 1
    assert {field.name for field in attrs.fields(Options)} >= result_keys.WITHOUT_EFFECT


def test_another_version_of_a_program_is_another_one(checkout: Path, tmp_path: Path) -> None:
    contents = OfCommit(Repository.discover(checkout), "HEAD")
    program = tmp_path / "bin" / "agent"
    program.parent.mkdir()
    unit = Unit("u", "U", "Do it.", (Target("a.txt"),))
    keys = set()
    for number, text in enumerate(["#!/bin/sh\n", "#!/bin/sh\n:\n"]):
        program.write_text(text)
        program.chmod(0o755)
        os.utime(program, (number, number))
        for options in (
            Options(command=(str(program),)),
            Options(command=("agent",), env={"PATH": str(program.parent)}),
        ):
            agent = registry.get(None, options)
            briefing = prompting.briefing_of(agent, Plan("", (unit,), options))
            keys.add(result_keys.of_unit(unit, briefing, options, agent, contents))
    assert len(keys) == 4


def test_nothing_is_foreseen_of_what_starts_later(checkout: Path, tmp_path: Path) -> None:
    results = KeptResults(tmp_path / "results")
    unit = Unit("u", "U", "Do it.", (Target("a.txt"),), after=("x",))
    plan = Plan("", (unit,), Options(command=("true",)))
    assert reuse.foreseen(Repository.discover(checkout), results, plan, nothing_open) == {}
    missing = Plan("", (unit,), Options(agent="acp:"))
    assert reuse.foreseen(Repository.discover(checkout), results, missing, nothing_open) == {}


def test_a_journal_of_an_older_version_has_no_keys() -> None:
    ended = run_events.UnitEnded("r", 0.0, "u", UnitState.DONE, "", 1.0)
    assert (ended.kept, ended.key) == ("", "")

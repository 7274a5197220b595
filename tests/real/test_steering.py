"""Claude Code and Codex are steered: told more in their sessions, shown an example, asked for an answer of a form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.real.conftest import Make
from tests.real.world import World, over

_EDIT = "Greet in {file}.\nstandin: read {file}\nstandin: write {file} = hello from {stem}\nstandin: say All greeted."


def test_a_unit_goes_on_in_its_session_with_a_note(world: World, agent: str) -> None:
    world.run(world.plan(f"agent: {agent}", _EDIT, "a.txt", "b.txt"))
    before = len(world.network.asked())
    note = "Now in b as well.\nstandin: read b.txt\nstandin: write more.txt = and more"
    with world.start("retry", "--json", "--unit", "01-a", "--note", note) as process:
        ran = over(process)
    assert ran.status == 0, ran.message
    (first, _) = ran.summary["units"]
    assert (first["state"], first["attempts"]) == ("done", 2)
    # What it had done is still there, beside what the note asked for; the other unit was left alone.
    assert first["files"] == ["a.txt", "more.txt"]
    told = world.network.asked()[before:]
    assert told
    # It remembers what it was told at first, and was told only the note.
    assert {(one.turns, "Now in b as well." in one.prompt, "Greet in" in one.prompt) for one in told} == {
        (2, True, False)
    }


def test_a_pilot_is_the_example_for_the_rest(world: World, agent: str) -> None:
    ran = world.run(world.plan(f"agent: {agent}\npilot: 1", _EDIT, "a.txt", "b.txt"))
    assert ran.summary["state"] == "waiting"
    with world.start("accept", "--json", "--note", "Greet warmly.") as process:
        ran = over(process)
    assert ran.status == 0, ran.message
    last = world.network.asked()[-1].prompt
    assert "+hello from a" in last
    assert "Greet warmly." in last


def test_an_answer_has_the_form_that_is_asked_for(world: World, agent: str) -> None:
    argv = world.network.inside(sys.executable, "-m", "tests.real.asking", agent, str(world.checkout))
    prompt = 'Review it.\nstandin: read a.txt\nstandin: json {"answer": "it is good"}'
    where = Path(__file__).parents[2]
    done = subprocess.run(
        argv, cwd=where, env=world.env, input=prompt.encode(), capture_output=True, check=True, timeout=40
    )
    told = json.loads(done.stdout)
    assert told["kind"] is None, told
    assert json.loads(told["answer"]) == {"answer": "it is good"}


def test_claude_is_told_while_it_works(make_world: Make) -> None:
    world = make_world("claude")
    words = ("-m", "tests.real.noting", "claude", str(world.checkout), str(world.temp))
    where, argv = Path(__file__).parents[2], world.network.inside(sys.executable, *words)
    done = subprocess.run(argv, cwd=where, env=world.env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert (told["delivered"], told["state"], told["attempts"]) == ("now", "done", 1), told
    assert told["files"] == ["a.txt", "more.txt"]
    # It heard of it between two of its tools, in the middle of its turn.
    assert max(one.turns for one in world.network.asked()) == 2

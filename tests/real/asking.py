"""Asks an agent for an answer of a given form, as a review does: ``python -m tests.real.asking AGENT FOLDER``, with the
prompt on standard input. Prints the verdict as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio

from fanout_server.agents import registry
from fanout_server.agents.base import Task, Verdict, write_prompt
from fanout_server.model import Options, Unit
from fanout_server.run import working
from fanout_server.run.activity import ActivityTail

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


async def ask(name: str, folder: Path, prompt: str) -> Verdict:
    home = folder.parent / "asked"
    home.mkdir()
    schema = home / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    options = Options(agent=name, timeout=30.0)
    task = Task(Unit("u", "unit", prompt), options, folder, prompt, write_prompt(home, prompt), schema=schema)
    tail = ActivityTail(_nobody)
    agent = registry.get(name, options)
    verdict, _ = await working.work(
        agent, task, "asking/u/1", None, log=home / "agent.log", tail=tail, on_event=lambda _: None
    )
    return verdict


async def _nobody(line: str) -> None:
    del line


if __name__ == "__main__":
    found = anyio.run(ask, sys.argv[1], Path(sys.argv[2]), sys.stdin.read())
    sys.stdout.write(json.dumps({"kind": found.kind, "message": found.message, "answer": found.answer}) + "\n")

"""The work that both sides do: each unit has one small file written, as its prompt tells the stand-in."""

from __future__ import annotations

from collections.abc import Sequence

from fanout_server import model

WRITTEN = b"hello\n"


def plan(agent: str, files: Sequence[str]) -> model.Plan:
    units = tuple(
        model.Unit(
            id=f"{number + 1:02}",
            title=file,
            prompt=f"Greet in {file}.\nstandin: read {file}\nstandin: write {file} = hello\nstandin: say Greeted.",
            targets=(model.Target(file),),
            owns=(file,),
        )
        for number, file in enumerate(files)
    )
    # Each round is the same again.
    options = model.Options(agent=agent, jobs=len(files), attempts=1, cache="renew")
    return model.Plan(instruction="", units=units, options=options)


class WrongResultError(Exception):
    """What was measured did not do the work, so its time says nothing."""


def few(lost: int, plan: model.Plan) -> int:
    """``lost``, as long as most units were done. Raises WrongResultError."""
    if lost * 2 > len(plan.units):
        raise WrongResultError(f"{lost} of {len(plan.units)} units of {plan.options.agent} wrote nothing")
    return lost

"""Runs of agents that do what looks bad, and is not: nothing is told of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fanout_server.run.engine import Engine
from tests.run.conftest import PlanMaker, codes, run_plan

pytestmark = pytest.mark.anyio


@pytest.mark.spares_code(
    "unit/no-change", "unit/ignored-files", "unit/left-processes", "unit/not-provisioned", "unit/checkout-touched"
)
@pytest.mark.parametrize(
    ("code", "script"),
    [
        ("unit/no-change", "printf ' ' >> a.txt"),
        ("unit/ignored-files", "echo x >> a.txt; echo y > debug.log; rm debug.log"),
        ("unit/left-processes", f"'{sys.executable}' -c 'print(1)' & wait; echo x >> a.txt"),
        ("unit/not-provisioned", "test -e .env && echo x >> a.txt"),
        ("unit/checkout-touched", "git log > a.txt; git checkout -q --detach; git commit -qam mine"),
    ],
)
async def test_what_only_looks_bad_is_not_told_of(
    engine: Engine, make_plan: PlanMaker, checkout: Path, code: str, script: str
) -> None:
    (checkout / ".env").write_text("A=1\n")
    view = await run_plan(engine, make_plan({"a": "a.txt"}, script, copy=(".env",)))
    assert set(view.owners) == {"a.txt"}
    assert code not in codes(view)
    assert codes(view) == []


@pytest.mark.spares_code("merge/auto-merged", "merge/conflict")
async def test_of_changes_far_apart_in_one_file_nothing_is_told(
    engine: Engine, make_plan: PlanMaker, checkout: Path
) -> None:
    (checkout / "a.txt").write_text("".join(f"{number}\n" for number in range(20)))
    script = 'case "$1" in *one.py) sed -i 1s/^/x/ a.txt;; *) sed -i 20s/^/y/ a.txt;; esac; echo "# more" >> "$1"'
    view = await run_plan(engine, make_plan({"one": "src/one.py", "two": "src/two.py"}, script))
    assert view.owners["a.txt"] == ("one", "two")
    assert not {"merge/auto-merged", "merge/conflict"} & set(codes(view))

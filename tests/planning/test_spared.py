"""Targets and plans that look like what preflight tells of, and are in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanout_server.planning.plan import plan_from_document
from tests.planning.files import FakeFiles, on_disk


@pytest.fixture
def files(tmp_path: Path) -> FakeFiles:
    return on_disk(tmp_path, "src/a b.ts", "src/[id].ts", "src/c.ts", "build.ts", ignored=["build/out.js"])


@pytest.mark.spares_code(
    "preflight/missing",
    "preflight/ignored",
    "preflight/outside",
    "preflight/empty-glob",
    "preflight/not-a-path",
    "preflight/duplicate",
    "preflight/shared-file",
    "preflight/no-variable",
    "preflight/no-reviewer",
)
@pytest.mark.parametrize(
    ("code", "header", "body"),
    [
        ("preflight/missing", "", "Do {file}\n- src/a b.ts\n"),
        ("preflight/ignored", "", "Do {file}\n- build.ts\n"),
        ("preflight/outside", "", "Do {file}\n- src/../src/c.ts\n"),
        ("preflight/empty-glob", "", "Do {file}\n- src/[id].ts\n"),
        ("preflight/not-a-path", "", "Do {file}\n- src/a b.ts: the login\n"),
        ("preflight/duplicate", "", "Do {file}\n- src/c.ts\n- src/a b.ts\n"),
        ("preflight/shared-file", "owns: ['{file}']\n", "Do {file}\n- src/c.ts\n- build.ts\n"),
        ("preflight/no-variable", "", "Do what {item} needs\n- src/c.ts\n"),
        ("preflight/no-reviewer", "review: checks\n", "Do {file}\n- src/c.ts\n"),
    ],
)
def test_what_is_in_order_is_not_told_of(files: FakeFiles, tmp_path: Path, code: str, header: str, body: str) -> None:
    plan = plan_from_document(f"---\n{header}---\n{body}", files, tmp_path, tmp_path, {}, {})
    assert code not in [one.code for one in plan.findings]
    assert plan.findings == ()

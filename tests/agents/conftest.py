from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanout_server.agents.process import sweep
from tests.agents.running import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """What a failing test leaves running is swept away."""
    mark = f"test-{uuid.uuid4().hex}/1"
    yield Bench(tmp_path, mark)
    sweep(mark)

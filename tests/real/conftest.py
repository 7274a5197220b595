from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real import programs
from tests.real.network import KEY, MARK, Network, opened
from tests.real.world import World

Make = Callable[..., World]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with opened(tmp_path / "asked.jsonl") as network:
        yield network


@pytest.fixture(params=["claude", "codex"])
def agent(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def make_world(network: Network, checkout: Path, tmp_path: Path) -> Iterator[Make]:
    """``make_world(agent)``, once in a test. Nothing of it may be left at the end."""
    with ExitStack() as ends:

        def make(agent: str, key: str = KEY) -> World:
            home, temp = Path(os.environ["HOME"]), tmp_path / "temp"
            temp.mkdir()
            env = {**programs.environment(agent, home, temp, network.port, key), MARK: str(network.log)}
            world = World(network, checkout, temp, Path(os.environ["XDG_STATE_HOME"]), env)
            ends.callback(_check, world)
            return world

        yield make


def _check(world: World) -> None:
    assert world.left() == {}


@pytest.fixture
def world(make_world: Make, agent: str) -> World:
    """With each agent in turn, and a key that is good."""
    return make_world(agent)

"""A node with a stand-in for nginx, and an agent that has settled there."""

import pytest

from tests.agent import fakes


@pytest.fixture
def nginx(tmp_path):
    return fakes.node(tmp_path / "node")


@pytest.fixture
def agent(nginx):
    agent = fakes.Agent(nginx)
    agent.applier.settle()
    return agent

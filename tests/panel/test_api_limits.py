"""Limits through the API: a number, or null for unlimited, and nothing else."""

from typing import Any

import pytest

from hosting.models.plans import Plan
from tests.panel.api_client import Api, fields
from tests.world import World


def body(**limits: Any) -> dict[str, Any]:
    return {
        "name": "Small",
        "overuse_policy": "space",
        "limit_domains": 1,
        "limit_aliases": 1,
        **limits,
    }


def test_a_limit_is_a_number_or_null(world: World) -> None:
    response = Api(world, "ada").post("/plans", body(limit_domains=5, limit_aliases=None))
    assert response.status_code == 201, response.content
    plan = Plan.objects.get(account=world.ada)
    said = {"domains": 5, "subdomains": 5, "aliases": None}
    assert {name: plan.limits[name] for name in said} == said
    assert not Plan.objects.filter(account=world.ben).exists()


@pytest.mark.parametrize("value", [-2, 1.5, True, [], {}, "many", 2**60])
def test_anything_else_is_an_error_at_its_field(world: World, value: Any) -> None:
    response = Api(world, "ada").post("/plans", body(limit_domains=value))
    assert "limit_domains" in fields(response)
    assert not Plan.objects.exists()

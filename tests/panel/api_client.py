"""A program with a token, as the API's tests drive it."""

import json
from typing import Any

from django.test import Client

from accounts.models import Account, ApiToken
from hosting.services import base
from tests.world import World


class Api:
    """One token of somebody. `Api(world, "ada", "read")`."""

    def __init__(self, world: World, username: str, *scopes: str, **token: Any) -> None:
        given = list(scopes or ("read", "write"))
        self.token, text = ApiToken.make(world.user(username), "test", given, **token)
        # An exception in a view is an answer of 500 here, as it is for real programs.
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {text}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.client.get(f"/api/v1{path}", query, headers={**self.headers, **(headers or {})})

    def post(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, **options: Any
    ) -> Any:
        """A POST with a JSON body; text and bytes go as they are."""
        data = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
        given = {"content_type": "application/json", **options}
        return self.client.post(
            f"/api/v1{path}", data, headers={**self.headers, **(headers or {})}, **given
        )


def told(response: Any) -> dict[str, Any]:
    """An error's body without what is different each time."""
    body = response.json()
    body["error"].pop("request_id")
    return body


def fields(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422, response.content
    return response.json()["error"]["fields"]


def ids(told_of: list[dict[str, Any]]) -> list[Any]:
    return [one["id"] for one in told_of]


def roomy(account: Account) -> None:
    """A reseller with room for everything."""
    account.limits = dict.fromkeys(base.resources("reseller"))
    account.permissions = list(base.permissions())
    account.save(update_fields=["limits", "permissions"])

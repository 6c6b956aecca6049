"""What tests of two-factor login share: codes, people who have a second factor, coming in."""

import re

from django.test import Client

from accounts import second_factor
from tests.world import PASSWORD, World

URL = "/account/two-factor/"


def code(secret: str, steps: int = 0) -> str:
    """What an app shows now, or so many half minutes later."""
    return second_factor.code_at(secret, int(second_factor.time.time()) // 30 + steps)


def have(world: World, *names: str) -> dict[str, str]:
    """A second factor for each of these; their secrets."""
    secrets_of = {name: second_factor.new_secret() for name in names}
    for name, secret in secrets_of.items():
        second_factor.turn_on(world.user(name), secret, 0, ["1111-2222-3333", "4444-5555-6666"])
    return secrets_of


def log_in(username: str, password: str = PASSWORD, **more: str) -> Client:
    client = Client(**more)
    client.post("/login/", {"login": username, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def set_up(client: Client, url: str = URL, **changes: str):
    page = client.get(url)
    text = page.content.decode()
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', text)
    sealed = re.search(r'name="sealed" value="([^"]+)"', text)
    assert secret is not None
    assert sealed is not None
    given = {"sealed": sealed[1], "code": code(secret[1]), "current_password": PASSWORD}
    return client.post(url, {**given, **changes}), secret[1]

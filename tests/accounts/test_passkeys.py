"""Passkeys: made on one's own page, let in without password and code, end with the login."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import passkeys
from panel.core.log import Activity
from panel.core.mail import Message
from tests.accounts.authenticators import (
    ADD,
    LOGIN,
    PRESENT,
    REMOVE,
    Device,
    add,
    asked_to_make,
    come_in,
)
from tests.accounts.second_factors import have, is_in
from tests.world import PASSWORD, World


@pytest.fixture(autouse=True)
def _here(settings) -> None:
    settings.PANEL_ORIGIN = "http://localhost:8000"


@pytest.fixture
def phone(world: World) -> Device:
    """Carl's, which he has added."""
    device = Device()
    assert add(world.client("carl"), device).status_code == 303
    return device


def test_one_adds_a_passkey_and_comes_in_with_it_alone(world: World, phone: Device) -> None:
    client, answer = come_in(phone)
    assert answer["Location"] == "/"
    assert "carl" in client.get("/account/").content.decode()
    entry = Activity.objects.get(action="login.add-passkey")
    assert (entry.old, entry.new) == ({}, {"passkey": "Phone"})
    message = Message.objects.get(subject="A passkey was added for carl")
    assert "“Phone”" in message.body
    assert not passkeys.of(world.user("nora").pk).exists()


def test_the_page_names_them_and_says_when_they_were_used(world: World, phone: Device) -> None:
    client = world.client("carl")
    assert "last used: never" in client.get("/account/").content.decode()
    come_in(phone)
    page = client.get("/account/").content.decode()
    assert "Phone" in page
    assert "last used: never" not in page
    assert "No passkeys yet." in world.client("nora").get("/account/").content.decode()


def test_it_stands_for_password_and_code(world: World, phone: Device) -> None:
    have(world, "carl", "nora")
    assert is_in(come_in(phone)[0])
    half = Client()
    answer = half.post("/login/", {"login": "carl", "password": PASSWORD})
    assert answer["Location"] == "/login/code/"
    assert not is_in(half)
    assert LOGIN in half.get("/login/code/").content.decode(), "either will do"
    assert is_in(come_in(phone, half)[0])


def test_one_is_led_to_where_one_wanted_to_go_and_nowhere_else(phone: Device) -> None:
    assert come_in(phone, next="/account/")[1]["Location"] == "/account/"
    assert come_in(phone, next="https://evil.example/")[1]["Location"] == "/"


def test_a_challenge_is_answered_once(phone: Device) -> None:
    client = Client()
    answer = phone.show(client.post(f"{LOGIN}challenge/").json())
    assert client.post(LOGIN, {"answer": answer})["Location"] == "/"
    client.post("/logout/")
    assert client.post(LOGIN, {"answer": answer})["Location"] == "/login/"
    client.post(f"{LOGIN}challenge/")
    assert client.post(LOGIN, {"answer": answer})["Location"] == "/login/"
    assert not is_in(client)


def test_what_was_asked_of_somebody_else_lets_nobody_in(phone: Device) -> None:
    asked = Client().post(f"{LOGIN}challenge/").json()
    client = Client()
    client.post(f"{LOGIN}challenge/")
    assert client.post(LOGIN, {"answer": phone.show(asked)})["Location"] == "/login/"
    assert not is_in(client)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://tenant.localhost:8000"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"id": b"another" * 5},
        {"key": Device().key},
        {"handle": b""},
        {"handle": b"nobody"},
        {"handle": "１".encode()},
        {"handle": b"9" * 20},
        {"handle": b"9" * 300},
    ],
    ids=lambda change: " ".join(change),
)
def test_what_does_not_let_in(phone: Device, change: dict) -> None:
    assert is_in(come_in(phone)[0])
    for name, value in change.items():
        setattr(phone, name, value)
    client, answer = come_in(phone)
    assert answer["Location"] == "/login/"
    assert "This passkey is not known here." in client.get("/login/").content.decode()
    assert not is_in(client)


def test_a_neighbours_number_lets_in_as_nobody(world: World, phone: Device) -> None:
    assert add(world.client("nora"), Device()).status_code == 303
    phone.handle = str(world.user("nora").pk).encode()
    assert not is_in(come_in(phone)[0])


def test_a_copy_is_told_by_its_counter(world: World) -> None:
    stick = Device(counter=5)
    add(world.client("carl"), stick)
    assert not is_in(come_in(stick)[0]), "it did not rise since it was made"
    stick.counter = 6
    assert is_in(come_in(stick)[0])
    assert not is_in(come_in(stick)[0])
    stick.counter = 0
    assert not is_in(come_in(stick)[0])


NAMES = (
    *("rawId", "id", "type", "response", "userHandle", "signature"),
    *("clientDataJSON", "authenticatorData", "attestationObject"),
)
LEAVES = st.none() | st.integers() | st.text(max_size=9)
NONSENSE = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.text(max_size=50) | NONSENSE.map(json.dumps))
def test_nonsense_is_no_answer(answer: str) -> None:
    with pytest.raises(passkeys.NotAccepted):
        passkeys.read_new(answer, "AAAA")


@pytest.mark.parametrize(
    ("name", "part"),
    [("rawId", ""), ("type", ""), ("response", "signature"), ("response", "clientDataJSON")],
)
@pytest.mark.parametrize("value", [10**12, None, [10**12], {"a": "b"}, 1.5, True])
def test_a_number_is_not_taken_for_so_many_bytes(
    phone: Device, name: str, part: str, value: object
) -> None:
    asked, challenge = passkeys.ask_to_show()
    answer = json.loads(phone.show(asked))
    if part:
        answer[name][part] = value
    else:
        answer[name] = value
    with pytest.raises(passkeys.NotAccepted):
        passkeys.accept(json.dumps(answer), challenge)


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", "[" * 3_000, '{"rawId": 1}', "x" * 9_000]
)
def test_nonsense_lets_nobody_in(world: World, answer: str) -> None:
    client = Client()
    client.post(f"{LOGIN}challenge/")
    assert client.post(LOGIN, {"answer": answer})["Location"] == "/login/"
    assert client.post(LOGIN, {"answer": answer})["Location"] == "/login/"
    page = client.get("/login/").content.decode()
    assert "That took too long." in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"current_password": "wrong"}, "This is not your present password."),
        ({"answer": ""}, "Your browser made no passkey."),
        ({"answer": "{}"}, "is not a passkey for this panel"),
        ({"sealed": "AAAA"}, "This page is out of date."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_adds_none(world: World, wrong: dict[str, str], words: str) -> None:
    answer = add(world.client("carl"), Device(), **wrong)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("change", [{"origin": "https://evil.example"}, {"flags": PRESENT}])
def test_a_device_that_was_not_unlocked_or_elsewhere_adds_none(world: World, change: dict) -> None:
    assert add(world.client("carl"), Device(**change)).status_code == 422
    assert not Authenticator.objects.exists()


def test_a_neighbours_page_adds_none(world: World) -> None:
    asked, sealed = asked_to_make(world.client("nora"))
    given = {"name": "Phone", "current_password": PASSWORD, "sealed": sealed}
    answer = world.client("carl").post(ADD, {**given, "answer": Device().make(asked)})
    assert answer.status_code == 422
    assert not Authenticator.objects.exists()


def test_the_same_one_is_not_added_twice(world: World, phone: Device) -> None:
    answer = add(world.client("carl"), phone)
    assert "You have this passkey already." in answer.content.decode()
    asked, _sealed = asked_to_make(world.client("carl"))
    assert len(asked["excludeCredentials"]) == 1, "so that browsers do not offer to"
    assert asked_to_make(world.client("nora"))[0]["excludeCredentials"] == []


def test_there_is_a_most(world: World, monkeypatch: pytest.MonkeyPatch, phone: Device) -> None:
    monkeypatch.setattr(passkeys, "MOST", 1)
    answer = add(world.client("carl"), Device())
    assert answer.status_code == 409
    assert "1 passkeys are the most. Remove one first." in answer.content.decode()
    assert add(world.client("nora"), Device()).status_code == 303


def test_one_removes_ones_own_and_no_neighbours(world: World, phone: Device) -> None:
    add(world.client("nora"), Device())
    (hers,) = passkeys.of(world.user("nora").pk)
    client = world.client("carl")
    (his,) = passkeys.of(world.user("carl").pk)
    wrong = {"passkey": str(his.pk), "current_password": "wrong"}
    assert client.post(REMOVE, wrong).status_code == 422
    given = {"passkey": str(hers.pk), "current_password": PASSWORD}
    assert client.post(REMOVE, given).status_code == 422
    assert client.post(REMOVE, {**given, "passkey": str(his.pk)}).status_code == 303
    assert list(Authenticator.objects.all()) == [hers]
    assert not is_in(come_in(phone)[0])
    entry = Activity.objects.get(action="login.remove-passkey")
    assert (entry.old, entry.new) == ({"passkey": "Phone"}, {})
    assert client.get(REMOVE)["Location"] == "/account/", "there is none to remove"


def test_a_suspended_customer_is_told_so_and_comes_in_again_after(
    world: World, phone: Device
) -> None:
    hers = Device()
    add(world.client("nora"), hers)
    world.perform("ada", "customer.suspend", world.carl)
    client, answer = come_in(phone)
    assert answer.status_code == 403
    assert "suspended" in answer.content.decode()
    assert not is_in(client)
    assert is_in(come_in(hers)[0])
    world.perform("ada", "customer.activate", world.carl)
    assert is_in(come_in(phone)[0])


def test_a_reset_of_two_factor_removes_it(world: World, phone: Device) -> None:
    hers = Device()
    add(world.client("nora"), hers)
    world.perform("ada", "customer.reset-two-factor", world.carl)
    assert not is_in(come_in(phone)[0])
    assert is_in(come_in(hers)[0])


def test_the_command_line_removes_it(world: World) -> None:
    his, hers = Device(), Device()
    add(world.client("admin"), his)
    add(world.client("nora"), hers)
    call_command("reset_two_factor", "admin")
    assert not is_in(come_in(his)[0])
    assert is_in(come_in(hers)[0])


def test_two_factor_turned_off_leaves_it(world: World, phone: Device) -> None:
    have(world, "carl")
    answer = world.client("carl").post(
        "/account/two-factor/turn-off/", {"current_password": PASSWORD, "confirmed": "1"}
    )
    assert answer.status_code == 303
    assert is_in(come_in(phone)[0])


@pytest.mark.parametrize("revoke", ["on", ""])
def test_a_new_password_removes_it_if_wished(world: World, phone: Device, revoke: str) -> None:
    new = {"password": "a phrase as good as new", "password_again": "a phrase as good as new"}
    page = world.client("ada").get(f"/customers/{world.carl.pk}/change-login-info/")
    assert "revoke the API tokens and passkeys" in page.content.decode()
    world.perform(
        "ada",
        "customer.change-login-info",
        world.carl,
        **new,
        **{"revoke_tokens": revoke} if revoke else {},
    )
    assert is_in(come_in(phone)[0]) == (not revoke)


@pytest.mark.parametrize(
    ("origin", "offered"),
    [
        ("https://panel.example", True),
        ("https://panel.example:8443", True),
        ("http://localhost:8000", True),
        ("http://panel.example", False),
        ("https://192.0.2.1:8443", False),
        ("https://[2001:db8::1]:8443", False),
    ],
)
def test_they_are_offered_where_browsers_make_them(
    world: World, settings, origin: str, offered: bool
) -> None:
    settings.PANEL_ORIGIN = origin
    assert (LOGIN in Client().get("/login/").content.decode()) == offered
    page = world.client("carl").get("/account/").content.decode()
    assert (ADD in page) == offered
    assert ("Passkeys need the panel to be opened" in page) == (not offered)
    if not offered:
        assert world.client("carl").get(ADD)["Location"] == "/account/"


def test_who_is_entered_shows_and_gets_none(world: World, phone: Device) -> None:
    client = world.client("ada")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    assert "Passkeys" not in client.get("/account/").content.decode()
    assert client.get(ADD).status_code == 403
    assert client.get(REMOVE).status_code == 403

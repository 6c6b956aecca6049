"""A forgotten password: the same answer for everybody, a link that works once."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiToken, User
from accounts.password_reset import PasswordResetRequest, tokens
from panel.core.mail import Message
from panel.core.work import QUEUES, State
from tests.world import PASSWORD, World

NEW = "a brand new passphrase"


def ask(username: str, email: str, **client: str):
    return Client(**client).post("/password/forgotten/", {"username": username, "email": email})


def work() -> None:
    """What the worker does with each queued request."""
    while row := PasswordResetRequest.claim():
        row.carry_out()


def link_for(username: str = "carl") -> str:
    ask(username, f"{username}@mail.example")
    work()
    found = re.search(r"http://\S+/password/new/\S+", Message.objects.latest("pk").body)
    assert found is not None
    return found.group().removeprefix("http://localhost:8400")


def set_new(link: str, **more: str):
    return Client().post(link, {"password": NEW, "password_again": NEW, **more})


def test_the_worker_knows_its_queue() -> None:
    assert PasswordResetRequest in QUEUES
    assert Message in QUEUES


def test_a_link_goes_to_the_contact_address(world: World) -> None:
    ask("Carl", "CARL@mail.example")
    work()
    message = Message.objects.get()
    assert (message.to, message.state) == ("carl@mail.example", State.QUEUED)
    assert "http://localhost:8400/password/new/" in message.body
    assert not PasswordResetRequest.objects.exists()


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("carl", "nora@mail.example"),
        ("nobody", "carl@mail.example"),
        ("carl@mail.example", "carl@mail.example"),
        ("carl", "nonsense"),
    ],
)
def test_what_does_not_match_gets_the_same_answer_and_no_mail(
    world: World, username: str, email: str
) -> None:
    right, wrong = ask("carl", "carl@mail.example"), ask(username, email)
    assert right.status_code == wrong.status_code == 303
    assert right["Location"] == wrong["Location"] == "/password/forgotten/done/"
    assert Client().get(wrong["Location"]).status_code == 200
    PasswordResetRequest.objects.filter(username="carl", email="carl@mail.example").delete()
    work()
    assert not Message.objects.exists()


def test_the_page_does_the_same_work_for_everybody(world: World, django_assert_num_queries) -> None:
    for pair in (("carl", "carl@mail.example"), ("nobody", "no@mail.example")):
        with django_assert_num_queries(1):
            ask(*pair)


@pytest.mark.parametrize("column", [{"is_suspended": True}, {"removing_at": "2026-01-01T00:00Z"}])
def test_who_is_not_let_in_gets_no_mail(world: World, column: dict) -> None:
    Account.objects.filter(pk=world.carl.pk).update(**column)
    ask("carl", "carl@mail.example")
    work()
    assert not Message.objects.exists()


def test_an_additional_user_gets_it_at_its_own_address(world: World) -> None:
    world.add_user("carl", "vera")
    ask("vera", "carl@mail.example")
    work()
    assert not Message.objects.exists()
    ask("vera", "vera@mail.example")
    work()
    assert Message.objects.get().to == "vera@mail.example"


def test_the_host_header_does_not_reach_the_link(world: World, settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.PANEL_ORIGIN = "https://panel.host.example"
    Client().post(
        "/password/forgotten/",
        {"username": "carl", "email": "carl@mail.example"},
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )
    work()
    body = Message.objects.get().body
    assert "https://panel.host.example/password/new/" in body
    assert "evil" not in body


def test_the_link_sets_a_new_password(world: World) -> None:
    link = link_for()
    page = Client().get(link)
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert set_new(link)["Location"] == "/login/"
    assert world.user("carl").check_password(NEW)
    assert world.user("nora").check_password(PASSWORD)


def test_the_link_works_once(world: World) -> None:
    link = link_for()
    set_new(link)
    assert Client().get(link).status_code == 410
    answer = Client().post(link, {"password": "yet another phrase", "password_again": "x"})
    assert answer.status_code == 410
    assert world.user("carl").check_password(NEW)


def test_the_link_works_for_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    link = link_for()
    now = tokens._now()
    monkeypatch.setattr(tokens, "_now", lambda: now + timedelta(minutes=59))
    assert Client().get(link).status_code == 200
    monkeypatch.setattr(tokens, "_now", lambda: now + timedelta(minutes=61))
    assert Client().get(link).status_code == 410


@pytest.mark.parametrize(
    "change",
    [
        lambda: User.objects.filter(username="carl").update(epoch=1),
        lambda: Account.objects.filter(username="carl").update(epoch=1),
        lambda: Account.objects.filter(username="carl").update(email="new@mail.example"),
        lambda: Account.objects.filter(username="carl").update(is_suspended=True),
        lambda: User.objects.filter(username="carl").update(last_login=timezone.now()),
    ],
)
def test_the_link_ends_with_what_it_rested_on(world: World, change) -> None:
    link = link_for()
    change()
    assert Client().get(link).status_code == 410
    assert set_new(link).status_code == 410


@pytest.mark.parametrize("link", ["/password/new/MQ/nonsense/", "/password/new/!!/a-b/"])
def test_a_made_up_link_does_not_work(world: World, link: str) -> None:
    assert Client().get(link).status_code == 410


def test_a_link_is_for_one_login(world: World) -> None:
    _empty, _password, _new, _key, token, _end = link_for().split("/")
    from django.utils.http import urlsafe_base64_encode

    other = urlsafe_base64_encode(str(world.user("nora").pk).encode())
    assert Client().get(f"/password/new/{other}/{token}/").status_code == 410


def test_all_sessions_end(world: World) -> None:
    client = world.client("carl")
    # Logging in uses a link up, so it is asked for afterwards.
    link = link_for()
    set_new(link)
    assert client.get("/account/").status_code == 302


def test_tokens_are_revoked_if_ticked(world: World) -> None:
    user = world.user("carl")
    ApiToken.make(user, "billing", ["billing"])
    link = link_for()
    assert "revoke the API tokens" in Client().get(link).content.decode()
    set_new(link)
    assert ApiToken.objects.filter(user=user).count() == 1
    User.objects.update(last_login=None)
    from django.core.cache import cache

    cache.clear()
    set_new(link_for(), revoke_tokens="on")
    assert not ApiToken.objects.filter(user=user).exists()


@pytest.mark.parametrize(
    "given",
    [
        {"password": "short", "password_again": "short"},
        {"password": NEW, "password_again": "other"},
        {"password": "carl@mail.example", "password_again": "carl@mail.example"},
    ],
)
def test_a_weak_or_mistyped_password_is_refused(world: World, given: dict[str, str]) -> None:
    assert Client().post(link_for(), given).status_code == 422
    assert world.user("carl").check_password(PASSWORD)


def test_asking_again_soon_sends_one_mail(world: World) -> None:
    for _again in range(3):
        ask("carl", "carl@mail.example")
        work()
    assert Message.objects.count() == 1


def test_an_address_that_asks_too_often_is_slowed_down(world: World) -> None:
    answers = [ask(f"name{n}", "a@b.example").status_code for n in range(25)]
    assert answers[0] == 303
    assert answers[-1] == 429
    assert ask("carl", "carl@mail.example", REMOTE_ADDR="192.0.2.7").status_code == 303


def test_the_request_is_forgotten_when_the_worker_dies_in_between(world: World) -> None:
    ask("carl", "carl@mail.example")
    first = PasswordResetRequest.claim()
    assert first is not None
    PasswordResetRequest.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
    work()
    assert Message.objects.count() == 1
    assert not PasswordResetRequest.objects.exists()

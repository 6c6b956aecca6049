"""Two-factor login: set up, asked for, used once, reset; and what does not get around it."""

import re
import time
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts import second_factor
from accounts.actors import token_user
from accounts.models import Account, ApiToken, User
from panel.core.log import Activity
from panel.core.mail import Message
from tests.accounts.second_factors import URL, code, have, is_in, log_in, set_up
from tests.world import PASSWORD, World

OFF, CODES = f"{URL}turn-off/", f"{URL}recovery-codes/"


def test_codes_are_those_of_the_rfc() -> None:
    """RFC 6238, appendix B, for SHA-1, of which six of the eight digits are used."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for at, shown in (
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ):
        assert second_factor.code_at(secret, at // 30) == shown[2:]


def test_it_is_set_up_with_a_code_and_the_password(world: World, clock: SimpleNamespace) -> None:
    client, elsewhere, neighbour = (world.client(name) for name in ("carl", "carl", "nora"))
    assert "Off. The password alone lets in." in client.get("/account/").content.decode()
    answer, secret = set_up(client)
    codes = re.findall(r"<code>(\d{4}-\d{4}-\d{4})</code>", answer.content.decode())
    assert len(set(codes)) == 10
    page = client.get("/account/").content.decode()
    assert "On since" in page
    assert not [text for text in (secret, *codes) if text in page], "shown once"
    assert not is_in(elsewhere), "other sessions end"
    assert is_in(neighbour)
    entry = Activity.objects.get(action="login.set-up-two-factor")
    assert (entry.old, entry.new) == ({"two_factor": "off"}, {"two_factor": "on"})
    assert not second_factor.is_on(world.user("nora").pk)
    assert is_in(log_in("nora"))
    assert client.get(URL)["Location"] == "/account/", "it is there already"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"code": "000000"}, "This code is not correct."),
        ({"code": "１２３４５６"}, "This code is not correct."),
        ({"code": ""}, "This field is required."),
        ({"current_password": "wrong"}, "This is not your present password."),
        ({"sealed": "AAAA"}, "This page is out of date."),
    ],
)
def test_what_does_not_turn_it_on(
    world: World, clock: SimpleNamespace, wrong: dict[str, str], words: str
) -> None:
    answer, secret = set_up(world.client("carl"), **wrong)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert words in text
    assert (secret in text) == ("sealed" not in wrong), "the same secret is shown again"
    assert not Authenticator.objects.exists()


def test_a_neighbours_page_sets_nothing_up(world: World, clock: SimpleNamespace) -> None:
    """Nor does a secret that somebody else chose: then that one would have the codes too."""
    text = world.client("nora").get(URL).content.decode()
    sealed = re.search(r'name="sealed" value="([^"]+)"', text)
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', text)
    assert sealed is not None
    assert secret is not None
    given = {"sealed": sealed[1], "code": code(secret[1]), "current_password": PASSWORD}
    answer = world.client("carl").post(URL, given)
    assert answer.status_code == 422
    assert secret[1] not in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_looking_at_the_page_sets_nothing_up(world: World) -> None:
    client = world.client("carl")
    assert client.get(URL).content != client.get(URL).content, "each secret is new"
    assert not Authenticator.objects.exists()


def test_after_the_password_a_code_is_asked_for(world: World, clock: SimpleNamespace) -> None:
    secret = have(world, "carl")["carl"]
    client = Client()
    asked = client.post("/login/?next=/subscriptions/", {"login": "carl", "password": PASSWORD})
    assert (asked.status_code, asked["Location"]) == (303, "/login/code/")
    assert not is_in(client)
    assert "_auth_user_id" not in client.session
    assert "Code" in client.get("/login/code/").content.decode()
    answer = client.post("/login/code/", {"code": f" {code(secret)[:3]} {code(secret)[3:]} "})
    assert (answer.status_code, answer["Location"]) == (303, "/subscriptions/")
    assert is_in(client)
    assert client.get("/login/code/")["Location"] == "/"
    assert is_in(log_in("nora")), "the neighbour is asked for nothing"


@pytest.mark.parametrize(("ticked", "ends"), [({"remember": "on"}, False), ({}, True)])
def test_staying_logged_in_is_asked_before_and_holds_after(
    world: World, ticked: dict[str, str], ends: bool
) -> None:
    have(world, "carl")
    client = Client()
    client.post("/login/", {"login": "carl", "password": PASSWORD, **ticked})
    client.post("/login/code/", {"code": "1111-2222-3333"})
    assert is_in(client)
    assert client.session.get_expire_at_browser_close() == ends


def test_without_the_password_no_code_is_asked_for(world: World, clock: SimpleNamespace) -> None:
    secret = have(world, "carl")["carl"]
    client = log_in("carl", "wrong password")
    assert client.get("/login/code/")["Location"] == "/login/"
    assert client.post("/login/code/", {"code": code(secret)})["Location"] == "/login/"
    assert not is_in(client)


def test_a_code_lets_in_once(world: World, clock: SimpleNamespace) -> None:
    """Not even while it is shown; nor do those before it (RFC 6238, 5.2)."""
    secret = have(world, "carl")["carl"]
    now, before = code(secret), code(secret, -1)
    assert log_in("carl").post("/login/code/", {"code": now}).status_code == 303
    for used in (now, before):
        client = log_in("carl")
        answer = client.post("/login/code/", {"code": used})
        assert answer.status_code == 422
        assert "not correct, or it was used already" in answer.content.decode()
        assert not is_in(client)
    clock.at += 30
    assert log_in("carl").post("/login/code/", {"code": code(secret)}).status_code == 303


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 303), (0, 303), (1, 303), (2, 422)])
def test_clocks_may_differ_by_one_step(
    world: World, clock: SimpleNamespace, steps: int, status: int
) -> None:
    secret = have(world, "carl")["carl"]
    answer = log_in("carl").post("/login/code/", {"code": code(secret, steps)})
    assert answer.status_code == status


def test_a_neighbours_code_lets_nobody_in(world: World, clock: SimpleNamespace) -> None:
    known = have(world, "carl", "nora")
    client = log_in("carl")
    assert client.post("/login/code/", {"code": code(known["nora"])}).status_code == 422
    assert not is_in(client)
    assert log_in("nora").post("/login/code/", {"code": code(known["nora"])}).status_code == 303


def test_a_recovery_code_lets_in_once_and_leaves_an_entry(world: World) -> None:
    have(world, "carl", "nora")
    client = log_in("carl")
    assert client.post("/login/code/", {"code": "111122223333"}).status_code == 303
    page = client.get("/account/").content.decode()
    assert re.search(r"Recovery codes left</dt><dd[^>]*>1", page)
    entry = Activity.objects.get()
    assert (entry.action, entry.new) == ("login.use-recovery-code", {"recovery_codes": 1})
    assert entry.account_id == world.carl.pk
    assert log_in("carl").post("/login/code/", {"code": "1111-2222-3333"}).status_code == 422
    # The neighbour has the same on paper, and loses none.
    state = second_factor.state_of(world.user("nora").pk)
    assert state is not None
    assert state.recovery_codes == 2


def test_wrong_codes_are_throttled_like_wrong_passwords(
    world: World, clock: SimpleNamespace
) -> None:
    known = have(world, "carl", "nora")
    client = log_in("carl")
    for _attempt in range(10):
        assert client.post("/login/code/", {"code": "000000"}).status_code == 422
    answer = client.post("/login/code/", {"code": code(known["carl"])})
    assert answer.status_code == 429
    assert "Too many wrong codes" in answer.content.decode()
    assert not is_in(client)
    # The neighbour at the same address, and the owner elsewhere, are not slowed down.
    assert log_in("nora").post("/login/code/", {"code": code(known["nora"])}).status_code == 303
    owner = log_in("carl", REMOTE_ADDR="192.0.2.7")
    assert owner.post("/login/code/", {"code": code(known["carl"])}).status_code == 303
    clock.at += 301
    assert client.post("/login/code/", {"code": code(known["carl"])}).status_code == 303


def test_many_addresses_do_not_help_to_guess_a_code(world: World, clock: SimpleNamespace) -> None:
    secret = have(world, "carl")["carl"]
    for number in range(20):
        guesser = log_in("carl", REMOTE_ADDR=f"198.51.100.{number}")
        assert guesser.post("/login/code/", {"code": "000000"}).status_code == 422
    owner = log_in("carl", REMOTE_ADDR="192.0.2.7")
    assert owner.post("/login/code/", {"code": code(secret)}).status_code == 429
    clock.at += 3601
    assert owner.post("/login/code/", {"code": code(secret)}).status_code == 303


def test_who_is_suspended_between_the_steps_is_refused(
    world: World, clock: SimpleNamespace
) -> None:
    known = have(world, "carl", "nora")
    client, neighbour = log_in("carl"), log_in("nora")
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=True)
    answer = client.post("/login/code/", {"code": code(known["carl"])})
    assert answer.status_code == 403
    assert "This account is suspended" in answer.content.decode()
    assert not is_in(client)
    assert neighbour.post("/login/code/", {"code": code(known["nora"])}).status_code == 303
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=False)
    assert client.get("/login/code/")["Location"] == "/login/", "begins again"


@pytest.mark.parametrize("what", ["a new password", "a raised epoch", "ten minutes"])
def test_the_first_step_is_worth_nothing_after(
    world: World, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    secret = have(world, "carl")["carl"]
    client = log_in("carl")
    if what == "a new password":
        given = {"password": "another passphrase", "password_again": "another passphrase"}
        world.perform("ada", "customer.change-login-info", world.carl, **given)
    elif what == "a raised epoch":
        User.objects.filter(pk=world.user("carl").pk).update(epoch=9)
    else:
        later = SimpleNamespace(time=lambda: time.time() + 601)
        monkeypatch.setattr("accounts.second_step.time", later)
    assert client.post("/login/code/", {"code": code(secret)})["Location"] == "/login/"
    assert not is_in(client)


def test_a_forgotten_password_does_not_get_around_it(world: World) -> None:
    from accounts.password_reset import link

    have(world, "carl")
    there = link(world.user("carl")).removeprefix("http://localhost:8400")
    client, new = Client(), "a brand new passphrase"
    client.post(there, {"password": new, "password_again": new})
    assert world.user("carl").check_password(new)
    assert not is_in(client)
    assert client.post("/login/", {"login": "carl", "password": new})["Location"] == "/login/code/"
    assert not is_in(client)


def test_api_tokens_go_on_working(world: World, clock: SimpleNamespace) -> None:
    _token, text = ApiToken.make(world.user("carl"), "billing", ["read"])
    client = world.client("carl")
    set_up(client)
    assert token_user(text) is not None
    client.post(OFF, {"current_password": PASSWORD})
    assert token_user(text) is not None


def test_it_is_turned_off_with_the_password_and_by_nobody_else(world: World) -> None:
    have(world, "carl", "nora")
    client, elsewhere, neighbour = (world.client(name) for name in ("carl", "carl", "nora"))
    assert client.post(OFF, {"current_password": "wrong"}).status_code == 422
    assert second_factor.is_on(world.user("carl").pk)
    assert client.post(OFF, {"current_password": PASSWORD}).status_code == 303
    assert is_in(client)
    assert not is_in(elsewhere)
    assert is_in(log_in("carl"))
    message = Message.objects.get()
    assert message.to == "carl@mail.example"
    assert "was turned off for your login carl" in message.body
    assert Activity.objects.get(action="login.turn-off-two-factor").new == {"two_factor": "off"}
    assert is_in(neighbour)
    assert second_factor.is_on(world.user("nora").pk)
    assert client.get(OFF)["Location"] == "/account/", "it is off already"


def test_new_recovery_codes_replace_the_old_ones(world: World) -> None:
    have(world, "carl", "nora")
    client = world.client("carl")
    assert client.post(CODES, {"current_password": "wrong"}).status_code == 422
    answer = client.post(CODES, {"current_password": PASSWORD})
    codes = re.findall(r"<code>([\d-]+)</code>", answer.content.decode())
    assert len(codes) == 10
    assert log_in("carl").post("/login/code/", {"code": "1111-2222-3333"}).status_code == 422
    assert log_in("carl").post("/login/code/", {"code": codes[3]}).status_code == 303
    assert log_in("nora").post("/login/code/", {"code": "1111-2222-3333"}).status_code == 303
    assert is_in(client)

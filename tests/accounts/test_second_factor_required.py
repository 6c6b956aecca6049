"""Two-factor login that the administrator requires of a role: who is led to it, what is shut."""

import re
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client

from accounts import required_second_factor, second_factor
from accounts.actors import ACTING_AS
from accounts.models import ApiToken
from panel.core import setting
from panel.core.log import Activity
from panel.core.operations import Result
from panel.core.setting import Settings
from tests.access.routes import patterns
from tests.accounts.second_factors import URL, code, have, is_in, log_in, set_up
from tests.world import PASSWORD, World

OFF = f"{URL}turn-off/"
OPEN = {"second_factor_set_up", "account_logout", "set_theme"}


def require(*roles: str) -> None:
    setting.store(**{f"require_two_factor_of_{role}": True for role in roles})


def led(client: Client, url: str = "/account/") -> str:
    """Where one is led who wants to see this page; "" if it is shown."""
    answer = client.get(url)
    return answer.headers.get("Location", "") if answer.status_code == 303 else ""


def kept(answer) -> str:
    """Where the page with the recovery codes leads."""
    found = re.search(r'href="([^"]*)">I have kept them', answer.content.decode())
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("role", "who", "others"),
    [
        ("administrators", "admin", ("ada", "carl")),
        ("resellers", "ada", ("admin", "carl", "nora")),
        ("customers", "carl", ("admin", "ada", "ben")),
    ],
)
def test_whose_role_must_have_it_is_led_to_set_it_up(
    world: World, clock: SimpleNamespace, role: str, who: str, others: tuple[str, ...]
) -> None:
    client = world.client(who)
    assert is_in(client), "of nobody, until the administrator says so"
    require(role)
    there = led(client, "/users/?q=x&sort=-created")
    assert there == f"{URL}?next={quote('/users/?q=x&sort=-created', safe='')}"
    page = client.get(there).content.decode()
    assert f"The administrator requires two-factor authentication of {role}." in page
    assert not re.search(r'<nav class="sidenav|type="search"|>Cancel<|> Profile<', page)
    assert "Log out" in page
    assert [name for name in others if not is_in(world.client(name))] == []
    answer, _secret = set_up(client, there)
    assert kept(answer) == "/users/?q=x&amp;sort=-created"
    assert client.get("/users/?q=x&sort=-created").status_code == 200
    assert second_factor.having([world.user(name).pk for name in others]) == set()


def test_an_additional_user_counts_by_the_account_it_belongs_to(world: World) -> None:
    world.add_user("ada", "ria")
    world.add_user("carl", "vera")
    require("resellers")
    have(world, "ada")
    assert led(world.client("ria")).startswith(URL), "the account's own is another login's"
    assert is_in(world.client("vera"))
    have(world, "ria")
    assert is_in(world.client("ria"))


def test_who_has_it_and_whose_role_need_not_go_on_undisturbed(world: World) -> None:
    have(world, "carl")
    required, neighbour = world.client("carl"), world.client("ben")
    require("customers")
    assert is_in(required)
    assert is_in(neighbour)
    assert led(world.client("nora")).startswith(URL)


def addresses() -> Iterator[str]:
    for name, pattern in patterns():
        if name not in OPEN | {"api"}:
            yield "/" + re.sub(r"<(int:)?[^>]*>", lambda piece: "7" if piece[1] else "x", pattern)
    yield "/there/is/no-such-page/"


def test_no_other_address_opens_by_any_method(world: World) -> None:
    require("resellers")
    client, neighbour = world.client("ada"), world.client("carl")
    before = Activity.objects.count()
    open_ones = []
    for url in addresses():
        shown = led(client, url)
        refused = {client.generic(method, url).status_code for method in ("POST", "DELETE")}
        if shown != f"{URL}?next={quote(url, safe='')}" or refused != {403}:
            open_ones.append(url)
    assert not open_ones
    assert Activity.objects.count() == before
    assert is_in(neighbour)


def test_logging_out_and_the_theme_stay_open(world: World) -> None:
    require("customers")
    client = world.client("carl")
    assert client.post("/theme/", {"theme": "dark", "next": URL})["Location"] == URL
    assert client.get("/logout/").status_code == 200
    client.post("/logout/")
    assert led(client) == ""
    assert client.get("/account/")["Location"].startswith("/login/")


def test_forms_and_programs_are_refused_in_words(world: World) -> None:
    require("customers")
    client, words = world.client("carl"), "requires two-factor authentication of customers."
    epoch = world.user("carl").epoch
    form = client.post("/account/end-sessions/", {"confirmed": "1"})
    assert form.status_code == 403
    assert words in form.content.decode()
    assert f'href="{URL}"' in form.content.decode()
    assert world.user("carl").epoch == epoch
    for headers in ({"Accept": "application/json"}, {"Sec-Fetch-Mode": "cors"}):
        answer = client.get("/runs/7/state.json", headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "second_factor_required"
        assert words in answer.json()["error"]["message"]
    neighbour = world.client("ben").get("/runs/7/state.json", headers={"Sec-Fetch-Mode": "cors"})
    assert neighbour.status_code == 404


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""],
)
def test_nobody_is_led_elsewhere_afterwards(
    world: World, clock: SimpleNamespace, wanted: str
) -> None:
    require("customers")
    client, url = world.client("carl"), f"{URL}?next={quote(wanted, safe='')}"
    answer, _secret = set_up(client, url)
    assert kept(answer) == "/account/"
    assert client.get(url)["Location"] == "/account/", "it is there already"


def test_a_wrong_code_leaves_everything_shut_and_the_way_on(
    world: World, clock: SimpleNamespace
) -> None:
    require("customers")
    client, url = world.client("carl"), f"{URL}?next=/subscriptions/"
    answer, _secret = set_up(client, url, code="000000")
    assert answer.status_code == 422
    assert "requires two-factor authentication" in answer.content.decode()
    assert led(client) != ""
    answer, _secret = set_up(client, url)
    assert kept(answer) == "/subscriptions/"


def test_logging_in_leads_there_and_afterwards_to_the_page_first_asked_for(
    world: World, clock: SimpleNamespace
) -> None:
    require("customers")
    client = Client()
    answer = client.post("/login/?next=/users/", {"login": "carl", "password": PASSWORD})
    assert led(client, answer["Location"]) == f"{URL}?next=%2Fusers%2F"
    _answer, secret = set_up(client, f"{URL}?next=%2Fusers%2F")
    clock.at += 30
    again = Client()
    again.post("/login/?next=/users/", {"login": "carl", "password": PASSWORD})
    assert again.post("/login/code/", {"code": code(secret)})["Location"] == "/users/"
    assert is_in(again)
    assert is_in(log_in("ben")), "the neighbour's role need not"


def test_it_is_not_turned_off_as_long_as_it_is_required(world: World) -> None:
    have(world, "carl", "ada")
    require("customers")
    client, words = world.client("carl"), "requires two-factor authentication of customers."
    page = client.get("/account/").content.decode()
    assert f"{words} It cannot be turned off." in page
    assert OFF not in page
    assert words in client.get(OFF, follow=True).content.decode()
    answer = client.post(OFF, {"current_password": PASSWORD})
    assert answer.status_code == 409
    assert words in answer.content.decode()
    given = {"current_password": PASSWORD}
    finding = world.finding("carl", "login.turn-off-two-factor", world.user("carl"), **given)
    assert (finding.result, finding.code) == (Result.REFUSED, "second_factor_of_customer")
    assert second_factor.is_on(world.user("carl").pk)
    assert world.client("ada").post(OFF, given).status_code == 303, "hers is not required"
    setting.store(require_two_factor_of_customers=False)
    assert client.post(OFF, given).status_code == 303
    assert is_in(client)


def test_who_entered_an_account_counts_by_the_own_login(world: World) -> None:
    require("customers")
    client = world.client("ada")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    page = client.get("/account/")
    assert page.status_code == 200
    assert page.context["page"]["subtitle"] == "Carl Customer"
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"current_password": PASSWORD}).status_code == 403
    assert not Authenticator.objects.exists()


def test_being_somebody_else_ends_where_one_has_to_set_it_up_oneself(
    world: World, clock: SimpleNamespace
) -> None:
    client = world.client("ada")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    require("resellers")
    assert client.post("/account/end-sessions/").status_code == 403
    assert led(client, "/").startswith(URL)
    assert ACTING_AS not in client.session
    set_up(client)
    having = second_factor.having([world.user(name).pk for name in ("ada", "carl")])
    assert having == {world.user("ada").pk}
    assert client.get("/account/").context["page"]["subtitle"] == "Ada Reseller"


def test_tokens_and_the_command_line_go_on(world: World) -> None:
    require("administrators", "resellers", "customers")
    _token, text = ApiToken.make(world.user("ada"), "billing", ["read", "write"])
    url = f"/api/v1/customers/{world.carl.pk}"
    assert Client().get(url, headers={"Authorization": f"Bearer {text}"}).status_code == 200
    assert world.client("ada").get(url).status_code == 401, "below /api/ no session counts"
    out = StringIO()
    given = ("customer", "description", str(world.carl.pk), "--as", "ada")
    call_command("operate", *given, "--set", "description=good", stdout=out)
    assert world.fresh("carl").description == "good"


def test_the_administrator_requires_it_on_a_page_and_is_led_to_it_next(
    world: World, clock: SimpleNamespace
) -> None:
    client, there = world.client("admin"), "/settings/logins/"
    page = client.get(there).content.decode()
    for words in ("Require two-factor authentication of", "Administrators", "API tokens go on"):
        assert words in page
    name = "require_two_factor_of_administrators"
    answer = client.post(there, {"confirmed": "1", "version": "1", name: "on"})
    assert answer.status_code == 303
    entry = Activity.objects.get(action="settings.edit")
    assert (entry.old[name], entry.new[name]) == (False, True)
    assert Settings.objects.get().stored == {name: True}
    wanted = led(client, answer["Location"])
    assert wanted == f"{URL}?next={quote(answer['Location'], safe='')}"
    answer, _secret = set_up(client, wanted)
    assert "done" in client.get(kept(answer)).content.decode()
    assert is_in(world.client("ada"))
    assert world.client("ada").post(there, {"confirmed": "1"}).status_code == 404
    assert not required_second_factor.is_required("reseller")


def test_after_a_reset_it_has_to_be_set_up_again(world: World, capsys) -> None:
    have(world, "admin", "carl", "ada")
    require("administrators", "customers")
    call_command("reset_two_factor", "admin")
    assert "once two-factor authentication is set up again" in capsys.readouterr().out
    assert led(log_in("admin")).startswith(URL)
    assert world.finding("ada", "customer.reset-two-factor", world.carl).result == Result.DONE
    assert led(log_in("carl")).startswith(URL)
    call_command("reset_two_factor", "ada")
    assert "set up again" not in capsys.readouterr().out
    assert is_in(log_in("ada"))


def test_providers_see_who_has_none(world: World) -> None:
    have(world, "carl")
    vera = world.add_user("carl", "vera")

    def shown(url: str) -> str:
        page = world.client("ada").get(url).content.decode()
        found = re.search(r"Two-factor authentication</dt><dd[^>]*>(\w+)", page)
        assert found is not None, url
        return found[1]

    assert shown(f"/customers/{world.carl.pk}/") == "On"
    assert shown(f"/customers/{world.cleo.pk}/") == "Off"
    assert shown(f"/users/{vera.pk}/") == "Off", "the account's own is another login's"


def test_a_login_of_which_nothing_is_known_is_not_let_by(world: World) -> None:
    with pytest.raises(AttributeError):
        required_second_factor.is_due(world.user("carl"))

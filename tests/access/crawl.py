"""Every page that somebody can reach, fetched: lists, exports, objects, tabs and forms."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse

from hosting.services.cron.views import TaskDetail
from hosting.services.database.views import DatabaseDetail
from hosting.services.dns.views_zones import ZoneDetail
from hosting.services.ftp.views import FtpAccountDetail
from hosting.services.mail.views_mailboxes import MailboxDetail
from hosting.views.accounts import CustomerDetail
from hosting.views.domains import DomainDetail
from hosting.views.hosted import SubscriptionDetail
from hosting.views.imports import ImportDetail
from hosting.views.plans import AddOnDetail, PlanDetail, ResellerPlanDetail
from hosting.views.resellers import ResellerDetail
from panel.core.bulk import BulkRun
from panel.core.operations import nouns, operations
from tests.access.world import AccessWorld

_DETAILS = (
    CustomerDetail,
    ResellerDetail,
    SubscriptionDetail,
    DomainDetail,
    PlanDetail,
    AddOnDetail,
    ResellerPlanDetail,
    ImportDetail,
    ZoneDetail,
    DatabaseDetail,
    FtpAccountDetail,
    MailboxDetail,
    TaskDetail,
)
TABS = {page.noun: [name for name, _label in page.tabs] for page in _DETAILS}
STATES = ("", "active", "suspended", "removed", "expired", "failed")
FIXED = (
    *("home", "activity_list", "activity_export", "settings", "search", "profile"),
    *("passkey_add", "passkey_remove"),
    *("token_create", "second_factor_set_up", "second_factor_turn_off", "second_factor_codes"),
)
# The pages of operations differ by kind; of so many objects of a kind they are all looked at.
WITH_OPERATIONS = 3
OWN = ("edit-contact-info", "change-login-info")


def ids(noun: str) -> list[int]:
    """All rows there are, whoever asks."""
    return list(nouns[noun].model._base_manager.order_by("pk").values_list("pk", flat=True))


def pages() -> Iterator[str]:
    """Addresses that name nobody's object."""
    yield from (reverse(name) for name in FIXED)
    yield from (reverse("profile_operation", args=[verb]) for verb in OWN)
    for noun in nouns.values():
        if not noun.url_name or noun.list_name:
            continue
        for state in STATES:
            yield f"{noun.list_url()}?status={state}"
        yield reverse(f"{noun.url_name}_export")
        yield reverse(f"{noun.url_name}_export") + "?status=removed"
        # What is only ever added on the page of something else has no page for it.
        with suppress(NoReverseMatch):
            yield reverse(f"{noun.url_name}_add")
        for operation in operations.values():
            if operation.noun == noun.name and operation.bulk:
                yield reverse(f"{noun.url_name}_bulk", args=[operation.verb])


def pages_of(noun_name: str, pk: int, *, with_operations: bool) -> Iterator[str]:
    """An object's tabs, and the pages of its operations."""
    noun = nouns[noun_name]
    for tab in TABS.get(noun_name, ()):
        yield reverse(f"{noun.url_name}_operation", args=[pk, tab])
    for operation in operations.values():
        if operation.noun == noun_name and with_operations:
            yield reverse(f"{noun.url_name}_operation", args=[pk, operation.verb])
    if noun_name in {"customer", "reseller"}:
        yield reverse("subscription_add") + f"?parent={pk}"


def everything(client: Client) -> Iterator[tuple[str, HttpResponse]]:
    """(address, answer) of all that there is to GET for this browser. What is not found, is not
    asked for its tabs."""
    for url in pages():
        yield url, client.get(url)
    for noun in nouns.values():
        if not noun.url_name or not noun.url(0):
            continue
        seen = 0
        for pk in ids(noun.name):
            answer = client.get(noun.url(pk))
            yield noun.url(pk), answer
            if answer.status_code == 404:
                continue
            seen += 1
            for url in pages_of(noun.name, pk, with_operations=seen <= WITH_OPERATIONS):
                yield url, client.get(url)
    for pk in BulkRun.objects.order_by("pk").values_list("pk", flat=True):
        yield f"/runs/{pk}/", client.get(f"/runs/{pk}/")
        yield f"/runs/{pk}/state.json", client.get(f"/runs/{pk}/state.json")
    for pk in ids("import"):
        yield f"/imports/{pk}/refused.csv", client.get(f"/imports/{pk}/refused.csv")
        yield f"/imports/{pk}/state.json", client.get(f"/imports/{pk}/state.json")
    for pk in ids("subscription"):
        yield f"/subscriptions/{pk}/state.json", client.get(f"/subscriptions/{pk}/state.json")


def everything_of_the_api(headers: dict[str, str]) -> Iterator[tuple[str, HttpResponse]]:
    """The same through the API."""
    client = Client(raise_request_exception=False)

    def get(path: str) -> tuple[str, Any]:
        return path, client.get(f"/api/v1{path}", headers=headers)

    yield get("/me")
    yield get("/openapi.json")
    for noun in nouns.values():
        if not noun.api_fields:
            continue
        for query in ("", "?limit=100", "?status=removed", "?q=exa"):
            yield get(f"/{noun.plural}{query}")
        for pk in ids(noun.name):
            yield get(f"/{noun.plural}/{pk}")
    for pk in BulkRun.objects.order_by("pk").values_list("pk", flat=True):
        yield get(f"/runs/{pk}")
        yield get(f"/runs/{pk}/targets")


def content(answer: Any) -> str:
    """The text of an answer, streamed or not."""
    if getattr(answer, "streaming", False):
        return b"".join(answer.streaming_content).decode()
    return answer.content.decode()


def browsers(world: AccessWorld, *people: str) -> Iterator[tuple[str, Client]]:
    for person in people:
        yield person, world.browser(person)

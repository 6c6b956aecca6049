"""What the people of tests.world host, and what must be true of it after every change.

carl.example, cleo.example   of Ada's customers, on her plan "Ada Basic"
ada.example                  Ada's own
nora.example                 of Ben's customer, on his plan "Ben Basic"
dora.example                 of the administrator's own customer, on "Basic"
"""

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from accounts.models import Account, ApiToken, sort_key
from hosting import conditions, counters, creating, nodes, provisioning, totals
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from hosting.services import base
from hosting.validators import apex_of
from panel.core import reasons, review, search
from panel.core.bulk import BulkRun
from panel.core.operations import Step, nouns, operations
from panel.core.runs import Outcome, perform
from tests.world import World, make_world

DOORS = ("page", "api", "cli")
ROOM = {
    "customers": 20,
    "subscriptions": 20,
    "disk": None,
    "traffic": None,
    "domains": None,
    "subdomains": None,
    "aliases": None,
}
SPACE = {"disk": None, "traffic": None, "domains": 5, "subdomains": 5, "aliases": 5}
PERMISSIONS = ["manage_aliases", "manage_domains", "manage_hosting", "manage_subdomains"]
SPACES = (
    ("carl", "carl.example", "Ada Basic"),
    ("cleo", "cleo.example", "Ada Basic"),
    ("ada", "ada.example", None),
    ("nora", "nora.example", "Ben Basic"),
    ("dora", "dora.example", "Basic"),
)


def every_limit(amount: str, of: str = "subscription") -> dict[str, str]:
    """Each limit, as a form takes it: so many, or so many GiB of what is measured."""
    return {
        f"limit_{name}": amount if each.unit == "count" else f"{amount} GiB"
        for name, each in base.resources(of).items()
    }


@dataclass
class Answer:
    """What a door said: a result, or what is wrong with which parameter."""

    result: str
    errors: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""


class HostingWorld(World):
    """The people with what they host, and short ways to look at it."""

    def space(self, who: str, domain: str, plan: str | None = None, **values: Any) -> Subscription:
        """A subscription of somebody, as its operation makes it."""
        step = self._step()
        given = {"domain": domain, "plan": Plan.objects.get(name=plan) if plan else None, **values}
        with transaction.atomic():
            made = creating.subscription(step, Account.objects.get(username=who), given)
            if plan is None and "limits" not in values:
                Subscription.objects.filter(pk=made.pk).update(
                    limits=SPACE, permissions=PERMISSIONS
                )
        return self.sub(domain)

    def domain(self, subscription: str, name: str) -> Domain:
        """An additional domain."""
        return creating.domain(self._step(), self.sub(subscription), {"name": name})

    def subdomain(self, of: str, label: str) -> Domain:
        """A site below a domain."""
        site = self.site(of)
        values = {"name": f"{label}.{of}"}
        return creating.domain(self._step(), site.subscription, values, parent=site)

    def alias(self, of: str, name: str) -> Alias:
        """Another name for a domain."""
        return creating.alias(self._step(), self.site(of), {"name": name})

    def plan(self, owner: str, name: str, **values: Any) -> Plan:
        """A hosting plan of somebody."""
        account = self.accounts[owner]
        given = {"limits": dict(SPACE), "permissions": list(PERMISSIONS), **values}
        made = Plan(account=account, reseller_id=account.reseller_id, name=name, **given)
        made.save()
        return made

    def customer(self, provider: str, username: str) -> Account:
        """One more customer."""
        found = self.finding(
            provider, "account.add-customer", self.accounts[provider], **person(username)
        )
        self.accounts[username] = Account.objects.get(pk=found.created_id)
        return self.accounts[username]

    def _step(self) -> Step:
        return Step(operations["account.add-subscription"], self.actor("admin"), {})

    def sub(self, name: str) -> Subscription:
        """A subscription as it is stored now."""
        return Subscription.objects.get(name=name)

    def site(self, name: str) -> Domain:
        """A domain as it is stored now."""
        return Domain.objects.get(ascii=name)

    def runs_(self, name: str) -> bool:
        """Whether a subscription, or an account, is open now."""
        if name in self.accounts:
            return not self.fresh(name).is_suspended
        return not self.sub(name).is_suspended

    def entries(self, name: str) -> set[tuple[str, str]]:
        """Level and kind of what was set on an account or a subscription itself."""
        which = (
            {"account": self.accounts[name]}
            if name in self.accounts
            else {"subscription": self.sub(name)}
        )
        return set(SuspensionEntry.objects.filter(**which).values_list("level", "kind"))

    def generation(self, name: str) -> int:
        return Deployment.objects.get(subscription_id=self.sub(name).pk).generation

    def suspend(self, who: str, name: str, **params: Any) -> Outcome:
        return self.perform(who, f"{self.noun(name)}.suspend", self.row(name), **params)

    def activate(self, who: str, name: str, **params: Any) -> Outcome:
        return self.perform(who, f"{self.noun(name)}.activate", self.row(name), **params)

    def undo(self, who: str, outcome: Outcome, **changes: Any) -> Outcome:
        """Undo of a run, as its button does it."""
        run = BulkRun.objects.get(pk=outcome.run.pk)
        undo = operations[operations[run.operation].undo]
        done = run.targets.filter(result="done").values_list("target_id", flat=True)
        params = {"run": str(run.pk)}
        return perform(undo, self.actor(who, **changes), done, params=params, undoes=run)

    def noun(self, name: str) -> str:
        return self.accounts[name].role if name in self.accounts else "subscription"

    def row(self, name: str) -> Any:
        return self.fresh(name) if name in self.accounts else self.sub(name)

    def through(self, door: str, who: str, operation: str, target: Any, **params: Any) -> Answer:
        """An operation on one object through one of the doors."""
        return {"page": self._page, "api": self._api, "cli": self._cli}[door](
            who, operation, target, params
        )

    def _page(self, who: str, operation: str, target: Any, params: dict[str, Any]) -> Answer:
        noun, verb = operation.split(".")
        made = operations[operation].creates
        form = operations[operation].form_class
        blank = form(actor=self.actor(who), targets=[target]) if form else None
        each = operations[operation].item_form_class
        of_each = each.base_fields if each else {}
        given = {f"all-{k}" if k in of_each else k: value for k, value in params.items()}
        data = {**_shown(blank), **given, "confirmed": "1"}
        url = f"/{made}s/add/" if noun == "account" else f"/{_plural(noun)}/{target.pk}/{verb}/"
        if noun == "account" and target.pk != self.accounts[who].pk:
            data["parent"] = str(target.pk)
        client = self.client(who)
        response = client.post(url, data)
        if seen := dict(_page_of(response).get("hidden", [])).get(review.FIELD):
            # It has said what would happen; that is what is wanted.
            response = client.post(url, {**data, review.FIELD: seen})
        if response.status_code in {302, 303}:
            return Answer("done")
        found = _page_of(response)
        errors: dict[str, list[str]] = {}
        for bound in (found.get("form"), found.get("shared")):
            for name, words in bound.errors.items() if bound is not None else ():
                errors[name] = [str(word) for word in words]
        words = " ".join(str(one["reason"]) for one in found.get("refusals", []))
        kinds = {422: "invalid", 409: "refused", 403: "not allowed", 404: "missing"}
        return Answer(kinds.get(response.status_code, str(response.status_code)), errors, words)

    def _api(self, who: str, operation: str, target: Any, params: dict[str, Any]) -> Answer:
        noun, verb = operation.split(".")
        _token, text = ApiToken.make(self.user(who), "test", ["read", "write"])
        makes = operations[operation].creates if noun == "account" else ""
        plural = _plural(makes or noun)
        url = f"/api/v1/{plural}" if makes else f"/api/v1/{plural}/{target.pk}/{verb}"
        body = {name: value for name, value in params.items() if not name.endswith("_again")}
        if makes and target.pk != self.accounts[who].pk:
            body["parent"] = target.pk
        response = Client().post(
            url,
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {text}"},
        )
        told = response.json()
        if response.status_code in {200, 201}:
            return Answer("unchanged" if told["unchanged"] else "done")
        kinds = {422: "invalid", 409: "refused", 403: "not allowed", 404: "missing"}
        error = told.get("error", {})
        kind = kinds.get(response.status_code, str(response.status_code))
        return Answer(kind, error.get("fields", {}), error.get("message", ""))

    def _cli(self, who: str, operation: str, target: Any, params: dict[str, Any]) -> Answer:
        noun, verb = operation.split(".")
        secret = getattr(operations[operation].form_class, "secret_fields", ())
        typed = [f"--set={name}={value}" for name, value in params.items() if name not in secret]
        for name in {one for one in secret if one in params and not one.endswith("_again")}:
            # Secrets are not typed where others see them.
            file = settings.DATA_DIR / name
            file.write_text(params[name], encoding="utf-8")
            typed.append(f"--set-file={name}={file}")
        out = StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(out):
                call_command(
                    "operate", noun, verb, str(target.pk), "--as", who, *typed, "--json", stdout=out
                )
        except CommandError as error:
            if error.returncode == 2:
                lines = [line.partition(": ") for line in str(error).split("\n")]
                return Answer("invalid", {name: [words] for name, _colon, words in lines})
            return Answer("not allowed", {}, str(error))
        except SystemExit:
            told = json.loads(out.getvalue())
            kind = next(key for key in ("refused", "missing", "failed") if told[key])
            return Answer(kind, {}, told[kind][0]["reason"])
        told = json.loads(out.getvalue())
        return Answer("unchanged" if told["unchanged"] else "done")


def room(world: HostingWorld, reseller: str, **limits: int | None) -> None:
    """Limits of a reseller; what is not named has room enough."""
    Account.objects.filter(pk=world.accounts[reseller].pk).update(limits={**ROOM, **limits})
    totals.judge([world.accounts[reseller].pk])


def _page_of(response: Any) -> dict[str, Any]:
    """What the page of an operation was made of."""
    return (response.context or {}).get("page") or {}


def _plural(noun: str) -> str:
    return nouns[noun].plural


def _shown(form: Any) -> dict[str, Any]:
    """What a browser would send of a form that nobody touched."""
    data = {}
    for name, one in (form.fields if form else {}).items():
        value = one.initial() if callable(one.initial) else one.initial
        if value not in (None, "", False):
            data[name] = str(value) if value is not True else "on"
    return data


def person(username: str, **more: Any) -> dict[str, Any]:
    """What Add a Customer needs at least, and more."""
    return {
        "contact_name": username.title(),
        "email": f"{username}@mail.example",
        "username": username,
        "password": "velvet-otter-lantern-42",
        "password_again": "velvet-otter-lantern-42",
        "locale": "en",
        "time_zone": "UTC",
        **more,
    }


def why(outcome: Outcome) -> str:
    """The words about the one target."""
    (finding,) = outcome.findings
    return reasons.render(finding.code, finding.params)


def noted(outcome: Outcome) -> dict[str, str]:
    """What an outcome says besides: words by code."""
    told = {}
    for note in outcome.notes:
        params = {**note["params"], "names": ", ".join(note["params"].get("names", []))}
        told[note["code"]] = reasons.render(note["code"], params)
    return told


def make_hosting_world() -> HostingWorld:
    """The people and subscriptions above."""
    world = HostingWorld(make_world().accounts)
    for name in ("ada", "ben"):
        Account.objects.filter(username=name).update(
            limits=ROOM, permissions=[*PERMISSIONS, "manage_dns"]
        )
        world.accounts[name] = world.fresh(name)
    world.plan("admin", "Basic")
    world.plan("ada", "Ada Basic")
    world.plan("ben", "Ben Basic")
    _make_spaces(world)
    return world


def _make_spaces(world: HostingWorld) -> None:
    """As the operation leaves them, but together: one by one they took longer than the tests."""
    plans = {plan.name: plan for plan in Plan.objects.all()}
    node = nodes.choose()
    made = []
    for who, domain, plan in SPACES:
        account = world.accounts[who]
        row = Subscription(
            account=account,
            reseller_id=account.reseller_id,
            name=domain,
            name_key=sort_key(domain),
            system_user=who,
            node=node,
            plan=plans.get(plan),
            limits=dict(SPACE),
            permissions=list(PERMISSIONS),
        )
        made.append(row)
    made = Subscription.objects.bulk_create(made)
    sites = [
        Domain(ascii=row.name, name_key=row.name_key, is_main=True, **_of(row), name=row.name)
        for row in made
    ]
    Name.objects.bulk_create(
        Name(ascii=site.ascii, apex=apex_of(site.ascii), domain=site, **_of(site.subscription))
        for site in Domain.objects.bulk_create(sites)
    )
    ids = [row.pk for row in made]
    base.names_changed(None, ids)
    provisioning.deploy(ids)
    conditions.judge(ids)
    counters.recount_all()
    for noun, rows in (("subscription", made), ("domain", sites)):
        search.refresh(noun, [row.pk for row in rows])


def _of(row: Subscription) -> dict[str, Any]:
    return {"subscription": row, "account_id": row.account_id, "reseller_id": row.reseller_id}

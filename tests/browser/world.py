"""Fills a fresh panel with the people that the browser tests meet: `python -m tests.browser.world`.

Runs in a process of its own, on the panel's data. Rows are made through operations where something
has to be served, and directly where only their number matters. Prints what was made as JSON.
"""

import json
import os
import sys
from datetime import timedelta
from typing import Any

import django

PASSWORD = "correct horse battery"
ADMINISTRATOR, RESELLER = "admin", "rita"
PROVIDERS = (ADMINISTRATOR, RESELLER)
# More than a page of the smallest size, and more than is done while the browser waits.
FILLERS, HERD = 30, 205

# Key of a customer -> domains of its subscriptions; {who} is the provider. Each has its reason:
# what a test changes is nobody else's.
CUSTOMERS: dict[str, tuple[str, ...]] = {
    "carla": ("carla-{who}.localhost",),  # contact, login, description
    "dora": ("dora-{who}.localhost",),  # suspended from the sidebar
    "emil": ("emil-{who}.localhost",),  # suspended with a message
    "fanny": ("fanny-{who}.localhost", "own-{who}.localhost", "late-{who}.localhost"),
    "gil": ("gil-{who}.localhost",),  # removed and restored
    "hedi": ("hedi-{who}.localhost",),  # removed for good
    "ines": ("ines-{who}.localhost",),  # suspended together with the next two
    "igor": ("igor-{who}.localhost",),
    "iris": ("iris-{who}.localhost",),  # suspended already, to be activated
    "abel": ("abel-{who}.localhost",),  # suspended for abuse, so that Activate is refused
    "juri": ("juri-{who}.localhost",),  # the neighbour, whom nobody touches
    "kira": ("kira-{who}.localhost",),  # entered, and looked at from all sides
    "lena": ("lena-{who}.localhost",),  # without JavaScript
    "loic": ("loic-{who}.localhost",),
    "mona": ("mona-{who}.localhost", "mona2-{who}.localhost"),  # domains and subscriptions
    "nino": (),  # without a subscription
    "otto": ("otto-{who}.localhost",),  # moved to another owner
    "olga": ("olga-{who}.localhost",),  # moved together with the next
    "odil": ("odil-{who}.localhost",),
    "paul": ("paul-{who}.localhost",),  # converted to a reseller
    "pia": ("pia-{who}.localhost",),  # converted together with the next
    "pola": (),
    "sofi": ("sofi-{who}.localhost",),  # changes plan, is removed, together with the next
    "sofia": ("sofia-{who}.localhost",),
    "tara": ("tara-{who}.localhost",),  # what goes wrong on the server
    "ulla": ("ulla-{who}.localhost",),  # uses more than it may
    **{f"rem{n}": (f"rem{n}-{{who}}.localhost",) for n in range(4)},  # removed together
}
# One word finds those who are suspended and activated together.
COMPANIES = {
    **dict.fromkeys(("ines", "igor", "iris", "abel", "juri"), "Inselhof"),
    **dict.fromkeys(("lena", "loic"), "Lindenhof"),
    **dict.fromkeys(("olga", "odil"), "Ostrand"),
    **dict.fromkeys(("pia", "pola"), "Pfeilhof"),
}
# Customers with a redirecting alias and one that shows the same site.
WITH_ALIASES = ("dora", "ines", "igor")


class World:
    """Makes everything; the numbers of what was made go into `made`."""

    def __init__(self) -> None:
        from django.contrib.auth.hashers import make_password

        self.encoded = make_password(PASSWORD)
        self.made: dict[str, Any] = {}

    def actor(self, username: str) -> Any:
        from accounts.actors import actor_of, users

        return actor_of(users().get(username=username), door="cli")

    def do(self, who: str, operation: str, target: int, /, **params: Any) -> int:
        """One operation as one person; nothing of this may be refused."""
        from panel.core import runs
        from panel.core.operations import Result, operations

        outcome = runs.perform(operations[operation], self.actor(who), [target], params=params)
        (finding,) = outcome.findings
        assert finding.result == Result.DONE, f"{operation} {params}: {finding}"
        return finding.created_id or target

    def account(self, role: str, provider: Any, username: str, name: str, **fields: Any) -> Any:
        from accounts.creation import add_account
        from accounts.models import User

        email = f"{username}@mail.example"
        account = add_account(
            role, provider, username=username, contact_name=name, email=email, **fields
        )
        # Hashed once: hundreds of people would cost hundreds of hashes.
        User.objects.unscoped("the world").filter(account=account).update(password=self.encoded)
        return account

    def fill(self) -> None:
        from accounts.models import Account
        from hosting import example_history
        from hosting.services import base

        admin = Account.objects.unscoped("the world").get(username=ADMINISTRATOR)
        room = {
            "limits": dict.fromkeys(base.resources("reseller")),
            "permissions": list(base.permissions()),
        }
        rita = self.account("reseller", admin, RESELLER, "Rita Reseller", **room)
        self.account("reseller", admin, "rolf", "Rolf Reseller", **room)
        self.other_resellers(admin, room)
        self.made["rita"] = {"id": rita.pk}
        for who, provider in ((ADMINISTRATOR, admin), (RESELLER, rita)):
            self.people_of(who, provider)
        self.additional_users()
        self.index()
        self.made[ADMINISTRATOR]["zone"] = self.zone(f"kira-{ADMINISTRATOR}.localhost")
        # Samples of the past, so that Home has plots.
        example_history.write(days=40)
        text = "contact_name,email,username\nGood Row,good@mail.example,good\nBad Row,,bad\n"
        self.made["import"] = self.do(ADMINISTRATOR, "account.add-import", admin.pk, file=text)

    def people_of(self, who: str, provider: Any) -> None:
        """The customers of one provider, with its plan and their sites."""
        plan = self.plan(who, provider.pk)
        found = self.made.setdefault(who, {})
        found["plan"] = plan
        for key, domains in CUSTOMERS.items():
            name = f"{key.title()} {who.title()}"
            company = COMPANIES.get(key, "")
            customer = self.account("customer", provider, f"{key}.{who}", name, company=company)
            found[key] = customer.pk
            for domain in domains:
                self.space(who, customer.pk, domain.format(who=who), plan)
        for key in WITH_ALIASES:
            for mode in ("redirect", "same"):
                name = f"{key}-{mode}-{who}.localhost"
                main = self.main_domain(f"{key}-{who}.localhost")
                self.do(who, "domain.add-alias", main.pk, name=name, mode=mode)
        self.states_of(who, found)
        for number in range(FILLERS):
            name = f"Filler {number:02} {who.title()}"
            self.account("customer", provider, f"filler{number}.{who}", name, company=f"Cargo{who}")
        if who == RESELLER:
            for number in range(HERD):
                self.account("customer", provider, f"herd{number}", f"Herd {number:03}")

    def other_resellers(self, admin: Any, room: dict[str, Any]) -> None:
        """Two to whom something is done, each with a customer. Of what the plan of one of them
        promises, it has not everything itself."""
        from accounts.models import Account
        from hosting import sync

        for key in ("remi", "remo"):
            self.account("reseller", admin, key, f"{key.title()} Reseller", company="Randhof")
        for key in ("rosa", "ralf"):
            name, company = key.title(), "Rosenhof"
            of = self.account("reseller", admin, key, f"{name} Reseller", company=company, **room)
            plan = self.plan(key, of.pk, may_manage_dns=True)
            kid = self.account("customer", of, f"{key}.kid", f"{name} Kid")
            self.space(key, kid.pk, f"{key}-kid.localhost", plan)
            rows = Account.objects.unscoped("the world").filter(pk=of.pk)
            rows.update(permissions=[one for one in room["permissions"] if one != "manage_dns"])
            sync.judge_below([of.pk])

    def states_of(self, who: str, found: dict[str, Any]) -> None:
        """One of the third customer's subscriptions was suspended by itself, one has expired."""
        from hosting.conditions import today

        own = self.main_domain(f"own-{who}.localhost").subscription_id
        late = self.main_domain(f"late-{who}.localhost").subscription_id
        self.do(who, "subscription.suspend", own, kind="other")
        day = (today() - timedelta(days=3)).isoformat()
        self.do(who, "subscription.set-expiry", late, expires_on=day)
        self.do(who, "customer.suspend", found["iris"], kind="other")
        self.do(who, "customer.suspend", found["abel"], kind="abuse")

    def plan(self, who: str, account: int, **more: Any) -> int:
        return self.do(
            who,
            "account.add-plan",
            account,
            name=f"Basic {who}",
            description="",
            limit_domains="3",
            limit_subdomains="5",
            limit_scheduled_tasks="10",
            limit_aliases="5",
            overuse_policy="space",
            may_manage_aliases=True,
            may_manage_domains=True,
            may_manage_subdomains=True,
            **more,
        )

    def space(self, who: str, customer: int, domain: str, plan: int) -> None:
        pk = self.do(who, "account.add-subscription", customer, domain=domain, plan=str(plan))
        found = self.made.setdefault(who, {})
        found.setdefault("subscriptions", {})[domain] = pk
        found.setdefault("domains", {})[domain] = self.main_domain(domain).pk

    def main_domain(self, name: str) -> Any:
        from hosting.models.domains import Domain

        return Domain.objects.unscoped("the world").get(name=name)

    def zone(self, name: str) -> int:
        from hosting.services.dns.models import Zone

        return Zone.objects.unscoped("the world").get(name=name).pk

    def additional_users(self) -> None:
        """Three logins of one customer: all it may, its sites only, looking only."""
        from accounts.creation import add_user
        from accounts.models import Account, User

        customer = Account.objects.unscoped("the world").get(username="kira.admin")
        for role in ("owner", "webmaster", "viewer"):
            email = f"{role}@mail.example"
            add_user(customer, f"kira-{role}", name=role.title(), email=email, user_role=role)
        User.objects.unscoped("the world").filter(account=customer).update(password=self.encoded)

    def index(self) -> None:
        """Search text and counters of what was not made by operations."""
        from accounts.models import Account
        from hosting import counters
        from panel.core import search

        rows = Account.objects.unscoped("the world")
        for role in ("customer", "reseller"):
            search.refresh(role, rows.filter(role=role).values_list("pk", flat=True))
        counters.recount_accounts(rows.values_list("pk", flat=True))


def main() -> int:
    """Fill, and say what there is."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    django.setup()
    from django.db import transaction

    world = World()
    with transaction.atomic():
        world.fill()
    print(json.dumps(world.made))
    return 0


if __name__ == "__main__":
    sys.exit(main())

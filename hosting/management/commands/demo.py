"""`manage.py demo`: a panel with believable people and sites to look at."""

import json
import os
import secrets
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Fills an empty panel with demo data and writes logins and sites to demo.json."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--force", action="store_true", help="also in a panel that is not empty"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from django.conf import settings

        from accounts.creation import has_administrator
        from accounts.models import Account
        from hosting import demo, example_history

        target = Path(settings.DATA_DIR) / "demo.json"
        if has_administrator():
            if target.exists():
                known = json.loads(target.read_text(encoding="utf-8"))
                passwords = {role: login["password"] for role, login in known["logins"].items()}
                for name in ("ftp", "mail"):
                    if name in known:
                        passwords[name] = known[name]["password"]
                self.write(target, passwords)
                return
            count = Account.objects.unscoped("is it empty?").count()
            if not options["force"]:
                raise CommandError(
                    f"There are {count} accounts already; the demo is for an empty panel."
                )
        words = [
            "amber",
            "birch",
            "cedar",
            "delta",
            "ember",
            "fjord",
            "grove",
            "harbor",
            "island",
            "juniper",
            "kelp",
            "lagoon",
        ]
        passwords = {
            role: "-".join(secrets.choice(words) for _ in range(3))
            + f"-{secrets.randbelow(9000) + 1000}"
            for role in ("administrator", "reseller", "customer", "ftp", "mail")
        }
        Demo(passwords).fill()
        example_history.traffic(demo.TRAFFIC)
        example_history.write()
        self.write(target, passwords)

    def write(self, target: Path, passwords: dict[str, str]) -> None:
        """Logins and sites, for people, the supervisor and tests. Only its owner may read it."""
        from django.conf import settings

        from hosting import demo, demo_mail
        from hosting.models.domains import Domain, HostingType, SiteState
        from hosting.sites import site_url

        rows = (
            Domain.objects.unscoped("the demo's sites")
            .present()
            .filter(hosting_type=HostingType.WEBSITE, site_state=SiteState.ACTIVE)
            # The one whose directives the web server refuses is never served.
            .filter(directives="")
            .select_related("account", "subscription")
        )
        shown = list(rows.order_by("pk"))
        own_zone = next((row.ascii for row in shown if row.parent_id is None), "")
        data = {
            "panel": settings.PANEL_ORIGIN + "/",
            "logins": {
                role: {"username": username, "password": passwords[role]}
                for role, username in demo.SHOWN.items()
            },
            "sites": [
                {
                    "url": site_url(row.ascii),
                    "customer": row.account.username,
                    "subscription": row.subscription.name,
                    "suspended": row.subscription.is_suspended,
                }
                for row in shown
            ],
            "dns": {"address": "127.0.0.1", "port": settings.DNS_PORT, "zone": own_zone},
        }
        names = {"ftp": demo.FTP_USERNAME, "mail": demo_mail.ADDRESS}
        for name in names.keys() & passwords.keys():
            data[name] = {"username": names[name], "password": passwords[name]}
        staged = target.with_suffix(".tmp")
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2, ensure_ascii=False)
        staged.replace(target)


class Demo:
    """Makes everything through operations, as the people of the demo would have."""

    def __init__(self, passwords: dict[str, str]) -> None:
        from hosting import demo, demo_extras, demo_plans

        self.data, self.offers, self.extras = demo, demo_plans, demo_extras
        self.passwords = {username: passwords[role] for role, username in demo.SHOWN.items()}
        self.ftp_password, self.mail_password = passwords["ftp"], passwords["mail"]

    def fill(self) -> None:
        from accounts.creation import add_account
        from panel.core import setting

        add_account(
            "administrator",
            None,
            username="admin",
            password=self.passwords["admin"],
            contact_name="Freehold Administrator",
            email="admin@panel.example",
        )
        self.do("settings.edit", "admin", setting.PK, self.data.SETTINGS)
        self.plans("add-reseller-plan", "admin", self.offers.RESELLER_PLANS)
        for person in self.data.RESELLERS:
            self.account("reseller", person)
        for provider, plans in self.offers.PLANS.items():
            for plan in plans:
                self.plan(provider, *plan)
        for provider, addons in self.offers.ADDONS.items():
            self.plans("add-addon", provider, addons)
        for person in self.data.CUSTOMERS:
            self.account("customer", person)
        for person in (*self.data.RESELLERS, *self.data.CUSTOMERS):
            for space in person.spaces:
                self.space(person, space)
        for role, people in (("customer", self.data.CUSTOMERS), ("reseller", self.data.RESELLERS)):
            for person in people:
                for verb, params in person.then:
                    self.do(f"{role}.{verb}", person.provider, self.id_of(person.username), params)
                for name, params in person.from_above:
                    self.do(name, "admin", self.id_of(person.username), params)
                self.users(person)
        self.ftp_account()
        self.mailboxes()
        self.own_record_and_task_off()
        self.upload()

    def ftp_account(self) -> None:
        """The one that `make run` shows: somebody's, for the files of their first website."""
        from hosting.models.subscriptions import Subscription

        who = self.data.SHOWN["customer"]
        rows = Subscription.objects.unscoped("the demo").filter(account_id=self.id_of(who))
        params = {
            "name": self.data.FTP_USERNAME,
            "home": self.data.FTP_HOME,
            "password": self.ftp_password,
            "description": "For the photographer",
        }
        pk = rows.earliest("pk").pk
        self.do("subscription.add-ftp-account", who, pk, params)
        off = {**self.extras.FTP_OFF, "password": secrets.token_urlsafe(16)}
        made = self.do("subscription.add-ftp-account", who, pk, off)
        self.do("ftp-account.suspend", who, made, {})

    def mailboxes(self) -> None:
        """The same customer's, whose provider knows that the name is theirs."""
        from hosting import demo_mail
        from hosting.models.domains import Domain

        row = Domain.objects.unscoped("the demo").get(name=demo_mail.DOMAIN)
        who = self.data.SHOWN["customer"]
        for given in demo_mail.MAILBOXES:
            is_shown = given["local"] == demo_mail.SHOWN
            password = self.mail_password if is_shown else secrets.token_urlsafe(16)
            made = self.do("domain.add-mailbox", who, row.pk, {**given, "password": password})
            if given["local"] == demo_mail.OFF:
                self.do("mailbox.suspend", who, made, {})
        self.do("domain.take-mail-in", self.data.SHOWN["reseller"], row.pk, {})

    def own_record_and_task_off(self) -> None:
        """Of the same customer: a zone that is edited, and a task that rests."""
        from hosting.services.cron.models import ScheduledTask
        from hosting.services.dns.models import Zone

        who = self.data.SHOWN["customer"]
        zone = Zone.objects.unscoped("the demo").filter(account_id=self.id_of(who)).earliest("pk")
        self.do("zone.add-record", self.data.SHOWN["reseller"], zone.pk, self.extras.RECORD)
        tasks = ScheduledTask.objects.unscoped("the demo")
        row = tasks.get(description=self.extras.NEWSLETTER["description"])
        self.do("scheduled-task.deactivate", who, row.pk, {})

    def actor(self, username: str) -> Any:
        from accounts.actors import actor_of
        from accounts.models import User

        user = User.objects.unscoped("the demo").select_related("account").get(username=username)
        return actor_of(user, door="cli")

    def id_of(self, username: str) -> int:
        from accounts.models import Account

        return Account.objects.unscoped("the demo").get(username=username).pk

    def do(self, name: str, who: str, target: int, params: dict[str, Any]) -> int:
        """One operation as one person; what is not given is as the page would show it. The demo's
        data must never be refused."""
        from panel.core import door, runs
        from panel.core.operations import Result, operations

        operation, actor = operations[name], self.actor(who)
        try:
            given = door.read(operation, actor, [operation.visible(actor).get(pk=target)], params)
        except door.BadInput as wrong:
            raise CommandError(f"demo: {name} {params}: {wrong.fields}") from None
        outcome = runs.perform(
            operation,
            actor,
            [target],
            params=given.params,
            items=given.items,
            secrets=given.secrets,
        )
        finding = outcome.findings[0]
        if finding.result != Result.DONE:
            raise CommandError(f"demo: {name} {params}: {finding.code} {finding.params}")
        return finding.created_id or target

    def account(self, role: str, person: Any) -> None:
        params = {
            "contact_name": person.name,
            "company": person.company,
            "email": person.email,
            "description": person.description,
            "username": person.username,
            "password": self.passwords.get(person.username) or secrets.token_urlsafe(16),
            "locale": "en",
            "time_zone": "UTC",
            **person.contact,
        }
        if role == "reseller":
            params["plan"] = self.plan_of("admin", person.plan) if person.plan else None
        else:
            params["create_subscription"] = False
        self.do(f"account.add-{role}", person.provider, self.id_of(person.provider), params)

    def plan(
        self,
        provider: str,
        name: str,
        description: str,
        domains: int,
        aliases: int,
        permissions: list[str],
        more: dict[str, Any],
    ) -> None:
        params: dict[str, Any] = {
            "name": name,
            "description": description,
            "limit_domains": domains,
            "limit_aliases": aliases,
            **{f"may_{permission}": True for permission in permissions},
            **more,
        }
        self.do("account.add-plan", provider, self.id_of(provider), params)

    def space(self, person: Any, space: Any) -> None:
        from hosting.models.domains import Domain
        from hosting.sites import site_url

        params: dict[str, Any] = {"domain": space.domain, "description": space.description}
        if space.plan:
            params["plan"] = self.plan_of(person.provider, space.plan)
            params["addons"] = [self.plan_of(person.provider, name) for name in space.addons]
        owner = self.id_of(person.username)
        pk = self.do("account.add-subscription", person.provider, owner, params)
        main = Domain.objects.unscoped("the demo").get(subscription_id=pk, is_main=True)
        for name, given in space.aliases:
            self.do("domain.add-alias", person.provider, main.pk, {"name": name, **given})
        for name, given in space.below:
            self.do("domain.add-subdomain", person.provider, main.pk, {"name": name, **given})
        for name, given in space.more:
            to = given.get("forward_to", "")
            # To another site of the demo, wherever that is served.
            leads = {"forward_to": site_url(to)} if to and "://" not in to else {}
            params = {"name": name, **given, **leads}
            self.do("subscription.add-domain", person.provider, pk, params)
        for name, verb, given in space.sites:
            site = Domain.objects.unscoped("the demo").get(name=name)
            self.do(f"domain.{verb}", person.provider, site.pk, given)
        for verb, given in space.then:
            self.then(person.provider, pk, verb, given)
        for verb, given in space.by_subscriber:
            self.do(f"subscription.{verb}", person.username, pk, given)

    def then(self, provider: str, pk: int, verb: str, given: dict[str, Any]) -> None:
        """What becomes of a subscription; a day is given as how many from today."""
        from hosting.conditions import today

        if "expires_on" in given:
            day = today() + timedelta(days=given["expires_on"])
            given = {"expires_on": day.isoformat()}
        self.do(f"subscription.{verb}", provider, pk, given)

    def users(self, person: Any) -> None:
        """Its additional users: what each may, and which of its subscriptions it may enter."""
        from hosting.models.subscriptions import Subscription

        owner = self.id_of(person.username)
        rows = Subscription.objects.unscoped("the demo").filter(account_id=owner)
        for username, name, role, more in person.users:
            params = {"username": username, "name": name, "user_role": role, **more}
            params["email"] = f"{username.partition('.')[2]}@{person.email.partition('@')[2]}"
            params["password"] = secrets.token_urlsafe(16)
            if more.get("access"):
                params["subscriptions"] = [str(row.pk) for row in rows.order_by("pk")[:1]]
            self.do("account.add-user", person.username, owner, params)

    def plans(self, verb: str, provider: str, several: Any) -> None:
        """Add-ons, or reseller plans: name, description, and what they give."""
        for name, description, given in several:
            params = {"name": name, "description": description, **given}
            self.do(f"account.{verb}", provider, self.id_of(provider), params)

    def plan_of(self, provider: str, name: str) -> int:
        from hosting.models.plans import Plan

        plans = Plan.objects.unscoped("the demo").filter(account__username=provider)
        return plans.get(name=name).pk

    def upload(self) -> None:
        """An import that was checked and waits for somebody to look at what is refused."""
        from hosting.importing import carry_out_here

        params = {"file": self.extras.FILE}
        carry_out_here(self.do("account.add-import", "admin", self.id_of("admin"), params))

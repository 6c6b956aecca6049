"""Home, as each role, the nightly samples, and rows of an import."""

import time

import django

django.setup()

from django.db import transaction  # noqa: E402  after setup

from accounts.actors import actor_of, users  # noqa: E402
from accounts.models import Customer, Reseller, User  # noqa: E402
from hosting import importing, samples  # noqa: E402
from hosting.models.plans import Plan  # noqa: E402
from panel.core import runs  # noqa: E402
from panel.core.operations import operations  # noqa: E402
from tests.bench import requests  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402

ROWS = 60


def own_login(rows: object) -> str:
    """The login of the one that has most."""
    account = rows.filter(is_suspended=False).order_by("-domains_count", "pk").first()  # type: ignore[attr-defined]
    assert account is not None
    return User.objects.unscoped("the bench").get(account=account, is_own=True).username


def pages() -> list[Row]:
    """Home of an administrator, of the biggest reseller and of a customer."""
    people = {
        "administrator": "admin",
        "reseller": own_login(Reseller.objects.present()),
        "customer": own_login(Customer.objects.present()),
    }
    found = []
    for role, username in people.items():
        tasks = requests.checked(["/"], requests.log_in(username))
        found.append(Row(f"Home, {role}", *requests.interleaved(tasks, rounds=40)["/"]))
    return found


def nightly() -> Row:
    """The sample of one day for every provider."""
    best = requests.interleaved({"take": samples.everything}, rounds=4)["take"]
    return Row("counting the nightly samples", *best)


class _TakenBack(Exception):
    """Ends a measured transaction."""


def an_import() -> list[Row]:
    """Customers with a subscription, on the plan that most others follow; taken back."""
    actor = actor_of(users().get(username="admin"), door="cli")
    assert actor is not None
    plans = Plan.objects.filter(account_id=actor.account_id, kind="hosting")
    plan = plans.order_by("-subscriptions_count").first()
    assert plan is not None
    names = [f"bench{number}" for number in range(ROWS)]
    lines = [f"B {n},{n}@mail.example,{n},{n}.example,{plan.name}" for n in names]
    text = "\n".join(["contact_name,email,username,domain,plan", *lines]) + "\n"
    spent: dict[str, tuple[float, float]] = {}

    def timed(name: str, pk: int) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        source = importing.carry_out_here(pk)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert source.counts == {"done": ROWS}, source.counts
        spent[name] = (cpu * 1000 / ROWS, wall * 1000 / ROWS)

    try:
        with transaction.atomic():
            made = runs.perform(
                operations["account.add-import"], actor, [actor.account_id], params={"file": text}
            )
            pk = made.findings[0].created_id
            assert pk is not None
            timed("check", pk)
            runs.perform(operations["import.carry-out"], actor, [pk], params={"mode": "good"})
            timed("import", pk)
            raise _TakenBack
    except _TakenBack:
        pass
    more = f"onto a plan of {plan.subscriptions_count:,}"
    return [Row(f"a row of an import, {name}", *cost, more=more) for name, cost in spent.items()]


if __name__ == "__main__":
    show("home and jobs", [*pages(), nightly(), *an_import()])

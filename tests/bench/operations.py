"""Bulk operations of the lists, a thousand targets each, against the least that all of them write.

The floor writes down the run's targets and an entry in the activity log for each, and touches the
rows by one statement. Each operation is done and taken back: the rows are wanted again.
"""

import time
from collections.abc import Callable, Iterable

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  after setup
from django.utils import timezone  # noqa: E402

from accounts.actors import actor_of, users  # noqa: E402
from accounts.models import Account, Customer, Reseller  # noqa: E402
from hosting.models.domains import Domain  # noqa: E402
from hosting.models.plans import Plan  # noqa: E402
from hosting.models.subscriptions import Subscription  # noqa: E402
from panel.core import door, runs  # noqa: E402
from panel.core.access import Actor  # noqa: E402
from panel.core.operations import nouns, operations  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402

Work = Callable[[], dict[str, int]]
MANY = 1_000
TURNS = 3
FLOOR = """
INSERT INTO core_bulktarget (run_id, target_id, label, code, reason_params) SELECT %(run)s, id,
'', '', '{{}}' FROM chosen;
UPDATE {table} SET version = version + 1 WHERE id IN (SELECT id FROM chosen);
INSERT INTO core_activity (at, action, target_kind, target_id, target_label, account_id,
reseller_id, actor_id, actor_name, actor_role, real_name, real_role, door, address, request_id,
run_id, details, details_digest) SELECT %(now)s, 'x', 'x', a.id, 'x', a.account_id, a.reseller_id,
1, 'admin', 'administrator', '', '', 'page', '', '', %(run)s, '{{}}', 'x' FROM {table} a JOIN chosen
ON chosen.id = a.id;
UPDATE core_bulktarget SET result = 'done' WHERE run_id = %(run)s
"""


class _TakenBack(Exception):
    """Ends a measured transaction."""


def measured(
    work: Callable[[], object], before: Callable[[], object] = lambda: None
) -> tuple[float, float]:
    """CPU and wall seconds of some work that is taken back, with what had to be done before."""
    try:
        with transaction.atomic():
            before()
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            raise _TakenBack
    except _TakenBack:
        return cpu, wall


def floor(table: str, ids: Iterable[int], run_id: int) -> None:
    """The bare statements."""
    given = {"run": run_id, "now": timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE chosen (id bigint PRIMARY KEY)")
        cursor.executemany("INSERT INTO chosen VALUES (%s)", [(pk,) for pk in ids])
        for statement in FLOOR.format(table=table).split(";"):
            cursor.execute(statement, given)
        cursor.execute("DROP TABLE chosen")


def targets() -> dict[str, list[int]]:
    """Some of each noun, spread over the whole installation."""
    customers = Customer.objects.present().filter(is_suspended=False, reseller=None)
    rows = {
        "customer": customers.filter(subscriptions_count__gt=0),
        "subscription": Subscription.objects.present().filter(
            is_suspended=False, plan__account__role="administrator"
        ),
        "domain": Domain.objects.present().filter(site_state="active"),
        "reseller": Reseller.objects.present().filter(is_suspended=False),
    }
    return {
        noun: list(some.order_by("pk").values_list("pk", flat=True)[:MANY])
        for noun, some in rows.items()
    }


# What an operation undoes: done before, and not measured.
BEFORE = {
    "customer.activate": "customer.suspend",
    "customer.restore": "customer.remove",
    "reseller.activate": "reseller.suspend",
    "subscription.activate": "subscription.suspend",
    "subscription.restore": "subscription.remove",
    "domain.activate": "domain.suspend",
}


def cases() -> list[tuple[str, dict[str, object]]]:
    """Operations with what they are told, in the order of the lists."""
    reseller = Reseller.objects.present().filter(is_suspended=False).order_by("pk").first()
    other = (
        Customer.objects.present().filter(is_suspended=False, reseller=None).order_by("-pk").first()
    )
    plan = (
        Plan.objects.filter(account__role="administrator", kind="hosting").order_by("-pk").first()
    )
    assert reseller is not None
    assert other is not None
    assert plan is not None
    # Room for all that comes.
    Account.objects.filter(pk=reseller.pk).update(limits=dict.fromkeys(reseller.limits))
    return [
        ("customer.suspend", {}),
        ("customer.activate", {}),
        ("customer.move", {"owner": reseller.username}),
        ("customer.convert-to-reseller", {}),
        ("customer.remove", {}),
        ("customer.restore", {}),
        ("reseller.suspend", {}),
        ("reseller.activate", {}),
        ("subscription.suspend", {}),
        ("subscription.activate", {}),
        ("subscription.change-plan", {"plan": plan.pk}),
        ("subscription.change-subscriber", {"subscriber": other.username}),
        ("subscription.set-expiry", {"expires_on": "2030-12-31"}),
        ("subscription.unlock-and-sync", {}),
        ("subscription.sync", {}),
        ("subscription.recalculate", {}),
        ("subscription.try-again", {}),
        ("subscription.remove", {}),
        ("subscription.restore", {}),
        ("domain.suspend", {}),
        ("domain.disable", {}),
        ("domain.activate", {}),
        ("domain.https-settings", {"https_redirect": True}),
    ]


def performed(name: str, actor: Actor, ids: list[int], params: dict[str, object]) -> Work:
    """An operation on all of these, as a list has it done."""
    operation = operations[name]
    rows = list(nouns[operation.noun].visible_to(actor).filter(pk__in=ids))
    given = door.read(operation, actor, rows, params)

    def work() -> dict[str, int]:
        return runs.perform(operation, actor, ids, params=given.params, items=given.items).counts

    return work


def figure(name: str, actor: Actor, ids: list[int], params: dict[str, object]) -> Row:
    """What an operation takes, and of what its targets became."""
    operation = operations[name]
    run = runs.start(operation, actor, [])
    table = nouns[operation.noun].model._meta.db_table
    work = performed(name, actor, ids, params)
    before = performed(BEFORE[name], actor, ids, {}) if name in BEFORE else dict
    seen: list[dict[str, int]] = []
    bare = min(measured(lambda: floor(table, ids, run.pk)) for _turn in range(TURNS))
    best = min(measured(lambda: seen.append(work()), before) for _turn in range(TURNS))
    row = Row(name, best[0] * 1000, best[1] * 1000, f"{best[0] / bare[0]:.1f}x floor")
    told = ", ".join(f"{count:,} {result}" for result, count in seen[0].items())
    row.more = f"floor {bare[0] * 1000:.0f} ms; {told}"
    row.missed = not seen[0].get("done") and not seen[0].get("unchanged")
    run.delete()
    return row


def main() -> None:
    actor = actor_of(users().get(username="admin"), door="cli")
    assert actor is not None
    chosen = targets()
    figures = [
        figure(name, actor, chosen[operations[name].noun], params) for name, params in cases()
    ]
    show(f"operations on {MANY:,}", figures)


if __name__ == "__main__":
    main()

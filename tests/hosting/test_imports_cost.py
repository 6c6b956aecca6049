"""What an import costs: what is counted for all rows of a chunk is counted once."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from hosting import counters
from hosting.models.plans import Plan
from tests.hosting import importing
from tests.hosting.world import HostingWorld


def test_a_plan_is_counted_once_for_all_rows_that_take_it(world: HostingWorld) -> None:
    names = [f"row{number}" for number in range(8)]
    lines = [f"{n} Test,{n}@mail.example,{n},{n}.example,Ada Basic" for n in names]
    source = importing.uploaded(world, "ada", importing.text_of(*lines))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        source = importing.imported(world, "ada", source)
    counted = [
        query["sql"]
        for query in asked.captured_queries
        if query["sql"].startswith('UPDATE "hosting_plan" SET "subscriptions_count"')
    ]
    # Plans and add-ons by a statement each.
    assert len(counted) == 2
    assert Plan.objects.get(name="Ada Basic").subscriptions_count == 2 + len(names)
    assert world.fresh("ada").customers_count == 2 + len(names)


def test_what_was_put_off_is_counted_and_after_a_failure_is_not_put_off_for_ever(
    world: HostingWorld,
) -> None:
    plan = Plan.objects.get(name="Ada Basic")
    Plan.objects.filter(pk=plan.pk).update(subscriptions_count=77)
    with counters.at_once():
        counters.recount_plans([plan.pk])
        plan.refresh_from_db()
        assert plan.subscriptions_count == 77
    plan.refresh_from_db()
    assert plan.subscriptions_count == 2
    Plan.objects.filter(pk=plan.pk).update(subscriptions_count=77)
    try:
        with counters.at_once():
            raise ValueError
    except ValueError:
        counters.recount_plans([plan.pk])
    plan.refresh_from_db()
    assert plan.subscriptions_count == 2

"""What 10,000 zones cost: from rows to what the agent is told, and from there to answers."""

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django

django.setup()

from hosting.agent.apply import Applier  # noqa: E402  after setup
from hosting.agent.host import Host, Runner  # noqa: E402
from hosting.agent.platform import embedded  # noqa: E402
from hosting.models.subscriptions import Subscription  # noqa: E402
from hosting.services.dns import following  # noqa: E402
from hosting.services.dns.desired import desired  # noqa: E402
from hosting.services.dns.driver import DnsDriver  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402

ZONES, FRAME, CHANGES = 10_000, 500, 20
_NIGHTLY = 10_000  # ms of CPU


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """CPU milliseconds of this process and what it started, and the wall's."""
    wall, cpu = time.perf_counter(), _cpu()
    act()
    return (_cpu() - cpu) * 1000, (time.perf_counter() - wall) * 1000


def _cpu() -> float:
    """Seconds of this process and of those children that have ended (the writer of the tables)."""
    found = os.times()
    return found.user + found.system + found.children_user + found.children_system


def frames(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), FRAME):
        yield ids[start : start + FRAME]


@contextmanager
def node() -> Iterator[tuple[Applier, DnsDriver]]:
    """A node with nothing but DNS: PowerDNS where it is installed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="freehold-bench-dns-") as found:
        platform = embedded(Path(found) / "node", 8480, "/nowhere/nginx", dns_port=port)
        for path in (platform.node, platform.run, platform.logs, platform.homes):
            path.mkdir(parents=True, exist_ok=True)
        host = Host(platform.node, Runner(), platform)
        driver = DnsDriver(host)
        applier = Applier(host, [driver])
        applier.settle()
        try:
            yield applier, driver
        finally:
            driver.server.daemon.stop()


def frame(told: dict[int, dict], generation: int) -> list[dict]:
    common = {"generation": generation, "present": True, "state": "open"}
    return [{"id": number, "dns": dns} | common for number, dns in told.items()]


def apply(applier: Applier, told: dict[int, dict], generation: int) -> None:
    lines: list[dict] = []
    applier.desired(frame(told, generation), lines.append)
    failed = [line for line in lines[:-1] if not line["ok"]]
    assert not failed, failed[:3]


def main() -> None:
    rows = Subscription.objects.unscoped("a measurement").order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[:ZONES])
    made = timed(lambda: [following.names_changed(None, some) for some in frames(ids)])
    told: dict[int, dict] = {}
    read = timed(lambda: [told.update(desired(some)) for some in frames(ids)])
    count = sum(len(each["zones"]) for each in told.values())
    records = sum(len(zone["records"]) for each in told.values() for zone in each["zones"])
    with node() as (applier, driver):

        def load() -> None:
            for some in frames(ids):
                apply(applier, {pk: told[pk] for pk in some}, 1)

        first = timed(load)
        zone = told[ids[0]]["zones"][0]

        def change() -> None:
            for number in range(CHANGES):
                zone["soa"]["serial"] += 1
                apply(applier, {ids[0]: told[ids[0]]}, 2 + number)
                reply = driver.server.ask(zone["name"], "SOA")
                assert reply is not None
                assert reply.serial == zone["soa"]["serial"]

        changed = timed(change)

        def nightly() -> None:
            for some in frames(ids):
                plans = applier.plan(frame({pk: told[pk] for pk in some}, 99))["plans"]
                assert not any(plan["changes"] for plan in plans)

        plan = timed(nightly)
        server = "PowerDNS" if driver.server.is_powerdns else "the small server"
    both = read[0] + plan[0]
    show(
        f"dns: {count:,} zones, {records:,} records, {server}",
        [
            Row("zones made from the template", *made),
            Row("rows to what nodes are told", *read),
            Row("first load, every zone asked for", *first),
            Row("one change, until it answers", changed[0] / CHANGES, changed[1] / CHANGES),
            Row("nightly plan, the node's part", *plan),
            Row(
                *("nightly plan, both parts", both, read[1] + plan[1]),
                target="<= 10 s",
                missed=both > _NIGHTLY,
            ),
        ],
    )


if __name__ == "__main__":
    main()

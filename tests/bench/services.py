"""Lists of what services keep beside the zones: one row for each subscription, found and shown."""

import django

django.setup()

from django.db import transaction  # noqa: E402  after setup
from django.utils import timezone  # noqa: E402

from hosting.models.domains import Domain  # noqa: E402
from hosting.models.subscriptions import Subscription  # noqa: E402
from hosting.services.database.models import Database  # noqa: E402
from hosting.services.ftp.models import FtpAccount  # noqa: E402
from hosting.services.tls.models import Certificate  # noqa: E402
from panel.core.rows import insert, stored  # noqa: E402
from tests.bench import requests  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402

LISTS = ("databases", "ftp-accounts", "certificates")


def fill() -> None:
    """A database, an FTP account and a certificate for each subscription, unless there are some.

    The seeded panel has none of them: they would be servers' and authorities' to make.
    """
    if Database.objects.unscoped("the bench").exists():
        return
    owners = ("account_id", "reseller_id", "pk")
    spaces = list(Subscription.objects.unscoped("the bench").values_list(*owners, "system_user"))
    main = Domain.objects.unscoped("the bench").filter(is_main=True)
    domains = list(main.values_list("account_id", "reseller_id", "subscription_id", "pk", "name"))
    columns = "account_id reseller_id subscription_id"
    now = stored(timezone.now())
    with transaction.atomic():
        insert(
            Database,
            f"{columns} server name",
            ((*owner, "mariadb", f"{user}_shop") for *owner, user in spaces),
        )
        insert(
            FtpAccount,
            f"{columns} name home",
            ((*owner, f"{user}_ftp", "httpdocs") for *owner, user in spaces),
        )
        insert(
            Certificate,
            f"{columns} domain_id kind state names not_before not_after",
            (
                (*owner, pk, "acme", "valid", f'["{name}"]', now, now)
                for *owner, pk, name in domains
            ),
        )


def main() -> None:
    fill()
    cookie = requests.log_in("admin")
    found = []
    for name in LISTS:
        for size in (25, 100):
            url = f"/{name}/?size={size}"
            best = requests.interleaved(requests.checked([url], cookie), rounds=40)[url]
            weight = len(requests.get(url, cookie)[1]) / 1000
            row = Row(f"{name}, {size} rows", *best, "", "<= 25 ms", f"{weight:.0f} kB")
            row.missed = best[0] > 25 or weight > 60
            found.append(row)
    show("lists of services", found)


if __name__ == "__main__":
    main()

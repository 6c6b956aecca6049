"""Which services a node provides: its drivers, in the order of applying."""

from typing import Any

from hosting.agent.driver import Driver
from hosting.agent.host import Host
from hosting.services.cron.driver import CronDriver
from hosting.services.database.driver import DatabaseDriver
from hosting.services.dns.driver import DnsDriver
from hosting.services.ftp.driver import FtpDriver
from hosting.services.mail.driver import MailDriver
from hosting.services.php.driver import PhpDriver
from hosting.services.system.driver import SystemDriver
from hosting.services.web.driver import WebDriver


def for_platform(host: Host) -> list[Driver[Any]]:
    """Return the drivers of this node. A service that it cannot provide is not among them."""
    found: list[Driver[Any]] = []
    # Users and their homes before all that is theirs.
    if SystemDriver.is_possible(host.platform):
        found.append(SystemDriver(host))
    # Pools before sites: a name that is new finds its PHP there.
    if PhpDriver.is_possible(host.platform):
        found.append(PhpDriver(host))
    found.append(WebDriver(host))
    if DnsDriver.is_possible(host.platform):
        found.append(DnsDriver(host))
    if DatabaseDriver.is_possible(host.platform):
        found.append(DatabaseDriver(host))
    if MailDriver.is_possible(host.platform):
        found.append(MailDriver(host))
    if FtpDriver.is_possible(host.platform):
        found.append(FtpDriver(host))
    # Last: what it runs finds everything else in its place.
    found.append(CronDriver(host))
    return found

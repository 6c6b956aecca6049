"""What `make run` says when everything is up. Standard library only."""

import contextlib
import json
from typing import Any

from panel.plan import HOST, Plan

_SHOWN_SITES = 6


def summary(plan: Plan, seconds: float) -> str:
    """What a newcomer needs to know: where it is, who may come in, what to look at, how to stop.

    `manage.py demo` writes demo.json: {"logins": {role: {"username", "password"}},
    "sites": [{"url", "suspended"}], "dns": {"address", "port", "zone"},
    "ftp": {"username", "password"}, "mail": {"username", "password"}}.
    """
    demo: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError):
        demo = json.loads((plan.data / "demo.json").read_text(encoding="utf-8"))
    lines = [f"Freehold is running ({seconds:.1f} s)", ""]
    lines.append(f"  Panel     http://localhost:{plan.panel_port}/")
    logins = demo.get("logins", {})
    width = max((len(login["username"]) for login in logins.values()), default=0)
    for number, (role, login) in enumerate(logins.items()):
        label = "Log in" if number == 0 else ""
        lines.append(f"  {label:<9} {login['username']:<{width}}  {login['password']}  ({role})")
    if not logins:
        lines.append("  Log in    open the panel: it asks for the first administrator")
    sites = demo.get("sites", [])
    for number, site in enumerate(sites[:_SHOWN_SITES]):
        label = "Websites" if number == 0 else ""
        note = "  (suspended: answers 503)" if site.get("suspended") else ""
        lines.append(f"  {label:<9} {site['url']}{note}")
    if len(sites) > _SHOWN_SITES:
        more = len(sites) - _SHOWN_SITES
        lines.append(f"            and {more} more, in {plan.shown_data}/demo.json")
    zone = demo.get("dns", {}).get("zone")
    asked = f"dig @{HOST} -p {plan.dns_port} {zone}" if zone else f"{HOST}, port {plan.dns_port}"
    lines.append(f"  DNS       {asked}")
    lines += _ftp_lines(plan, demo.get("ftp"))
    lines += _mail_lines(plan, demo.get("mail"))
    lines.append(f"  Data      {plan.shown_data}/   (logs in {plan.shown_data}/logs/)")
    lines += ["", "  Ctrl-C ends everything. Start again with `make run`: the data stays."]
    rule = "-" * max(map(len, lines))
    return "\n".join(["", rule, *lines, rule, ""])


def _ftp_lines(plan: Plan, account: dict[str, str] | None) -> list[str]:
    if not account:
        return [f"  FTP       {HOST}, port {plan.ftp_port} with TLS; SFTP on port {plan.sftp_port}"]
    name, password = account["username"], account["password"]
    return [
        f"  SFTP      sftp -P {plan.sftp_port} {name}@{HOST}   password {password}",
        f"  FTP       the same on port {plan.ftp_port}, with TLS (self-signed)",
    ]


def _mail_lines(plan: Plan, mailbox: dict[str, str] | None) -> list[str]:
    ports = plan.mail_ports
    lines = [
        f"  Mail      {HOST}: IMAP on port {ports['imaps']} (TLS), SMTP on port {ports['smtp']}"
    ]
    if mailbox:
        lines.append(f"            {mailbox['username']}   password {mailbox['password']}")
    return lines

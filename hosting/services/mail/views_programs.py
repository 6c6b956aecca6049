"""What mail programs are told: the settings on the tab, and a profile for Apple's devices."""

import plistlib
import uuid
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.mail import rates
from hosting.services.mail.models import Mailbox
from hosting.services.mail.programs import server_of
from hosting.views.hosted import fact
from panel.core import setting
from panel.core.markup import link, number, tag, to_copy
from panel.core.views import go

NOT_HERE = _(
    "The node of this subscription has no mail service: it takes, sends and shows no mail. What is"
    " set here takes effect on a node that has one."
)
NOT_SENT = _(
    "This server sends nothing to other servers: what would leave it is put into the directory"
    " node/mail/outgoing of its data. Its certificate is signed by nobody."
)
_NEEDED = {"imaps", "submissions"}
_OURS = uuid.UUID("6d1f2c3e-9a50-5b44-8d0b-0b5a3f5c7e21")


def has_profile(node: Node) -> bool:
    """Whether the node serves what a profile names."""
    return node.offers("mail").get("ports", {}).keys() >= _NEEDED


def programs(row: Domain, node: Node, box: Mailbox | None = None) -> list[dict[str, Any]]:
    """How to connect, as sections; or that nobody can."""
    if not node.has("mail"):
        return [{"title": "", "text": NOT_HERE}]
    section = {"title": _("Settings for mail programs"), "facts": _facts(row, node, box)}
    return [section] if node.isolates else [section, {"title": "", "text": NOT_SENT}]


def _facts(row: Domain, node: Node, box: Mailbox | None) -> list[dict[str, Any]]:
    ports = node.offers("mail")["ports"]
    is_shut = row.subscription.is_suspended and not row.subscription.is_overuse_only
    state = tag(_("Refused while suspended"), "bad") if is_shut else tag(_("Open"), "ok")
    username = to_copy(box.address, _("Username")) if box else _t("the whole address")
    found = [
        fact(_("State"), state),
        fact(_("Host"), to_copy(server_of(row, node), _("Host"))),
        fact(_("Username"), username),
        *_protocols(ports),
    ]
    if words := _most(row.subscription):
        found.append(fact(_("Most recipients within an hour"), words))
    if box is not None and has_profile(node):
        profile_link = link(reverse("mailbox_profile", args=[box.pk]), _t("Apple profile"))
        found.append(fact(_("iPhone, iPad, Mac"), profile_link))
    return found


def _protocols(ports: Mapping[str, int]) -> list[dict[str, Any]]:
    """What is spoken, on which ports: all of it over TLS."""
    wrapped, upgraded = _t("port %(n)s, SSL/TLS"), _t("port %(n)s, STARTTLS")
    found = []
    for label, ways in (
        (_("IMAP"), (("imaps", wrapped),)),
        (_("POP3"), (("pop3s", wrapped),)),
        (_("SMTP"), (("submissions", wrapped), ("submission", upgraded))),
    ):
        said = [words % {"n": ports[name]} for name, words in ways if name in ports]
        if said:
            found.append(fact(label, _t(", or ").join(said)))
    return found


def _most(subscription: Subscription) -> str:
    """How much may be sent."""
    told = rates.of([subscription], setting.current())[subscription.pk]
    if rates.NOTHING in told.values():
        return _t("none")
    each, together = told["mailbox"], told["subscription"]
    said = [_t("%(n)s of a mailbox") % {"n": number(each)}] if each else []
    if together:
        said.append(_t("%(n)s of all of the subscription") % {"n": number(together)})
    return ", ".join(said)


def profile(address: str, host: str, ports: dict[str, int]) -> bytes:
    """A .mobileconfig. It holds no password: the device asks for it.

    Its identifiers depend on the address alone, so one that is installed again takes the place of
    the one before.
    """
    name = f"freehold.mail.{uuid.uuid5(_OURS, address)}"
    account: dict[str, Any] = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{name}.account",
        "PayloadUUID": str(uuid.uuid5(_OURS, f"account {address}")).upper(),
        "PayloadDisplayName": address,
        "EmailAccountDescription": address,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": address,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    for way, port in (("Incoming", "imaps"), ("Outgoing", "submissions")):
        server = f"{way}MailServer"
        account |= {
            f"{server}Authentication": "EmailAuthPassword",
            f"{server}HostName": host,
            f"{server}PortNumber": int(ports[port]),
            f"{server}UseSSL": True,
            f"{server}Username": address,
        }
    whole = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": name,
        "PayloadUUID": str(uuid.uuid5(_OURS, address)).upper(),
        "PayloadDisplayName": address,
        "PayloadContent": [account],
    }
    return plistlib.dumps(whole)


@require_safe
def mailbox_profile(request: HttpRequest, pk: int) -> HttpResponse:
    """The profile of a mailbox; where the node has no mail, the tab that says so."""
    rows = Mailbox.objects.visible_to(request.actor).present().filter(pk=pk)
    box = rows.select_related("domain", "subscription__node").first()
    if box is None:
        raise Http404
    node = box.subscription.node
    if not has_profile(node):
        return go(reverse("domain_operation", args=[box.domain_id, "mail"]), "")
    address = f"{box.local}@{box.domain.ascii}"
    text = profile(address, server_of(box.domain, node), node.offers("mail")["ports"])
    response = HttpResponse(text, content_type="application/x-apple-aspen-config")
    response["Content-Disposition"] = f'attachment; filename="mailbox-{box.pk}.mobileconfig"'
    return response

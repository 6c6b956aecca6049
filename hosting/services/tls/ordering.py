"""Carries orders out: each call does what can be done now, writes it down, and comes back later.

What was done is asked of the authority and of the row, never remembered. So whoever is killed
between two steps is followed by one that goes on from there; what cannot go on begins anew.
"""

import logging
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.models.deployments import Deployment
from hosting.services.tls import answers, issuing, naming, reading, records
from hosting.services.tls.authority import Authority, Later, Order, Refusal, problem, trusted
from hosting.services.tls.models import AcmeAccount, CertificateOrder, Lost
from hosting.services.tls.settings import EMAIL, ROOTS, directory, why_not
from panel.core import reasons, setting

logger = logging.getLogger(__name__)

# Orders that an authority has of us at a time; the others wait for their turn.
MOST_AT_ONCE = 20
_TURN, _LOOK = 5.0, 1.0
# For a node that is away, and for an authority that does not get on.
_LONGEST_SILENCE = timedelta(minutes=15)
_MOST_RETRIES = 8
_FIRST_RETRY, _LONGEST_RETRY = 30.0, 6 * 3600.0
# Kinds of refusal that mean: there is no such order, or account, any more.
_FORGOTTEN = {"accountDoesNotExist", "malformed", "orderNotReady", "unauthorized", "notFound"}


def carry_out(order: CertificateOrder) -> None:
    """One piece of it."""
    try:
        with setting.read_once():
            if code := why_not():
                raise Refusal(reasons.render(code, {}))
            with trusted(ROOTS.get()) as verify:
                _Attempt(order, verify).go_on()
    except Lost:
        return
    except Later as later:
        _again(order, later)
    except Refusal as refusal:
        issuing.failed(order, refusal.words)


def _again(order: CertificateOrder, later: Later) -> None:
    """What passes by itself is tried again, less and less often, but not for ever."""
    retries = order.retries + 1
    if retries > _MOST_RETRIES:
        issuing.failed(order, later.words)
        return
    pause = max(later.after, min(_FIRST_RETRY * 2 ** (retries - 1), _LONGEST_RETRY))
    logger.warning("%s: %s; again in %g s", order, later.words, pause)
    try:
        order.put(retries=retries, error=later.words)
    except Lost:
        return
    order.come_back(pause)


class _Attempt:
    """One order, and its authority."""

    def __init__(self, order: CertificateOrder, verify: Any):
        self._order = order
        self._verify = verify
        self._where = directory()

    def go_on(self) -> None:
        """Do the next thing."""
        order = self._order
        if order.url and order.directory != self._where:
            self._begin_anew()
        if not order.url:
            if self._is_crowded():
                order.come_back(_TURN)
                return
            self._place()
        authority = self._authority()
        try:
            found = authority.order(order.url)
        except Refusal as refusal:
            if refusal.code not in _FORGOTTEN or order.retries >= _MOST_RETRIES:
                raise
            # It has been forgotten there: from the start.
            self._begin_anew(retries=order.retries + 1)
            order.come_back(_LOOK)
            return
        self._follow(authority, found)

    def _is_crowded(self) -> bool:
        others = CertificateOrder.objects.exclude(url="").exclude(pk=self._order.pk)
        return others.count() >= MOST_AT_ONCE

    def _begin_anew(self, **values: Any) -> None:
        with transaction.atomic():
            records.withdraw([self._order])
            self._order.put(url="", challenges=[], generation=0, answered_at=None, **values)

    def _authority(self) -> Authority:
        """The authority with our account, which is made with the first order."""
        account = AcmeAccount.objects.filter(directory=self._where).first()
        if account is None:
            made = AcmeAccount(directory=self._where)
            made.keep_key(reading.new_key())
            AcmeAccount.objects.bulk_create([made], ignore_conflicts=True)
            account = AcmeAccount.objects.get(directory=self._where)
        key = account.private_key()
        authority = Authority(self._where, key, account.url, self._verify)
        if not account.url:
            email = EMAIL.get()
            url = authority.register(email)
            AcmeAccount.objects.filter(pk=account.pk).update(url=url, email=email)
        return authority

    def _place(self) -> None:
        """Order it. The key is there first: whatever comes of the order belongs to it."""
        order, certificate = self._order, self._order.certificate
        names = naming.wanted([certificate.domain], {certificate.domain_id: certificate.extent})
        if not order.key or order.directory != self._where:
            order.keep_key(reading.new_key())
        order.put(key=order.key, directory=self._where, names=names[certificate.domain_id])
        try:
            made = self._authority().new_order(order.names)
        except Refusal as refusal:
            if refusal.code == "accountDoesNotExist":
                AcmeAccount.objects.filter(directory=self._where).update(url="")
                raise Later(refusal.words) from None
            raise
        order.put(url=made.url)

    def _follow(self, authority: Authority, found: Order) -> None:
        order = self._order
        if found.status == "pending":
            self._answer(authority, found)
        elif found.status == "ready":
            request = reading.request_for(order.names, order.private_key())
            authority.finalize(found.finalize, request)
            order.come_back(0.0)
        elif found.status == "processing":
            order.come_back(max(authority.wait(), _LOOK))
        elif found.status == "valid":
            self._take(authority.certificate(found.certificate))
        else:
            raise Refusal(self._why(authority, found) or _("The authority gave no reason."))

    def _take(self, chain: str) -> None:
        try:
            read = reading.read_chain(chain)
        except ValidationError as error:
            raise Refusal(" ".join(error.messages)) from None
        key = self._order.private_key()
        if not reading.belong_together(read.leaf, reading.load_key(key)):
            raise Refusal(_("What the authority issued does not belong to our key."))
        issuing.done(self._order, read, key)

    def _why(self, authority: Authority, found: Order) -> str:
        """What the authority says against the names of an order."""
        words = []
        for url in found.authorizations:
            each = authority.authorization(url)
            for challenge in each.get("challenges", []):
                if isinstance(error := challenge.get("error"), dict):
                    name = str(each.get("identifier", {}).get("value", ""))
                    told = problem(error)
                    words.append(told if name in told else f"{name}: {told}")
        return "; ".join(dict.fromkeys(words))[:2000] or found.error

    def _answer(self, authority: Authority, found: Order) -> None:
        order = self._order
        if not order.challenges:
            asked = [authority.authorization(url) for url in found.authorizations]
            order.put(**answers.publish(order, authority, asked))
            order.come_back(0.0)
        elif order.answered_at is None:
            self._tell_when_ready(authority)
        elif timezone.now() - order.answered_at > _LONGEST_SILENCE:
            raise Refusal(_("The authority did not come to a decision."))
        else:
            order.come_back(max(authority.wait(), _LOOK))

    def _tell_when_ready(self, authority: Authority) -> None:
        """Only when the node has the answers is the authority told to look for them."""
        order = self._order
        if why := self._not_there():
            if timezone.now() - order.created_at > _LONGEST_SILENCE:
                raise Later(why)
            order.come_back(_LOOK)
            return
        for each in order.challenges:
            # One that was told before a crash is being looked at; told twice it would be refused.
            if authority.authorization(each["authorization"]).get("status") == "pending":
                try:
                    authority.answer(each["url"])
                except Refusal as refusal:
                    if refusal.code != "malformed":
                        raise
        order.put(answered_at=timezone.now())
        order.come_back(_LOOK / 2)

    def _not_there(self) -> str:
        """Why the answers are not there yet; "" if they are."""
        subscription = self._order.certificate.subscription_id
        behind = Deployment.objects.filter(
            subscription_id=subscription, applied__lt=self._order.generation
        )
        for row in behind:
            words = "; ".join(str(error.get("message", "")) for error in row.errors.values())
            return words or _("The node does not have the answers yet.")
        return answers.not_served(self._order)

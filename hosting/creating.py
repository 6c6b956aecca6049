"""Making subscriptions, domains and aliases: rows and names. Called by operations."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import (
    conditions,
    counters,
    demand,
    limits,
    locks,
    names,
    nodes,
    provisioning,
    suspension,
    sync,
)
from hosting.forms import system_user_taken
from hosting.hashes import hashed
from hosting.models.domains import Alias, AliasMode, Domain, HostingType
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.services import base
from hosting.validators import host_of, to_unicode
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Refused, Step

reasons.declare(
    name_taken=_("%(name)s is taken."),
    name_taken_by=_(
        "%(name)s is taken: subscription %(where)s of %(who)s. Use Change Subscriber to give that"
        " to somebody else."
    ),
    name_taken_by_action=_("Change Subscriber"),
    name_taken_here=_("%(name)s is taken: it belongs to the subscription %(where)s."),
    name_taken_here_action=_("Open %(where)s"),
    leads_to_itself=_("%(name)s is a name of this domain: it would lead to itself."),
    name_held=_("%(name)s is below or above a name that is suspended from above."),
    name_near=_("%(name)s is below or above a name of somebody else."),
    system_user_taken=_("The system user %(name)s exists, or did until recently."),
    plan_gone=_("This service plan was removed meanwhile."),
    over_limit=_(
        "%(names)s: above the limit now; its overuse policy allows that, and it shows as overused."
    ),
    name_in_trash=_(
        "%(name)s is taken: it belongs to %(where)s of %(who)s, which was removed. Restore that"
        " from the list filter Removed, or wait until it is purged."
    ),
    name_in_trash_action=_("Restore"),
    name_in_own_trash=_(
        "%(name)s is taken: it belongs to %(where)s, which was removed. Your provider can restore"
        " it."
    ),
    limit_here=_(
        "%(resource)s: the limit of this subscription is %(limit)s, and %(used)s are used."
        " %(raise_by)s can raise it."
    ),
    limit_here_buy=_(
        "%(resource)s: the limit of this subscription is %(limit)s, and %(used)s are used."
        " %(raise_by)s can raise it. Buy more: %(url)s"
    ),
    limit_here_buy_action=_("Buy more…"),
)


def refuse_name(
    name: str, account_id: int, actor: Actor, subscription_id: int | None = None
) -> None:
    """Raise Refused if the account cannot have this name. Locks its apex first."""
    names.lock([name])
    refuse_conflict(name, account_id, actor, subscription_id)


def refuse_conflict(
    name: str, account_id: int, actor: Actor, subscription_id: int | None = None
) -> None:
    """The same for a name whose apex is locked."""
    conflict = names.conflict(name, account_id, actor, subscription_id)
    if conflict is not None:
        raise Refused(conflict.code, name=to_unicode(name), **conflict.params)


def refuse_full(step: Step, subscription: Subscription, resource: str, more: int = 1) -> None:
    """Raise Refused if so many more of the resource do not fit. The subscription is locked.

    Under the policy "overuse is allowed" counts of a subscription warn and pass.
    """
    declared = base.resources()[resource]
    used = declared.usage([subscription.pk]).get(subscription.pk, 0)
    limit = limits.limit_of(subscription.limits, resource)
    if not limits.fits(limit, used + more):
        if subscription.overuse_policy != OverusePolicy.ALLOWED:
            raise _full(step, subscription, declared, used)
        step.note("over_limit", names=[str(subscription)])
    # The reseller's total always refuses.
    asked = demand.Demand(Counter({resource: more}))
    demand.refuse_full(subscription.reseller_id, asked, step.actor)


def _full(step: Step, row: Subscription, resource: base.Resource, used: int) -> Refused:
    """The limit, the usage, who can raise it, and where its provider sells more."""
    account = Account.objects.unscoped("the provider of a subscription")
    subscriber = account.select_related("provider").get(pk=row.account_id)
    url = subscriber.provider.buy_more_url if subscriber.provider else ""
    return Refused(
        "limit_here_buy" if url else "limit_here",
        resource=str(resource.label),
        limit=limits.shown(resource, limits.limit_of(row.limits, resource.name)),
        used=limits.shown(resource, used),
        raise_by=str(_("Your provider") if step.actor.is_customer else _("Its provider")),
        **({"url": url, "action": url} if url else {}),
    )


def plan_now(plan: Plan | None) -> Plan | None:
    """The plan locked and as it is now, so that no edit of it passes by unseen; Refused if gone."""
    if plan is None:
        return None
    locked = locks.plan(plan.pk)
    if locked is None:
        raise Refused("plan_gone")
    return locked


def chosen_plans(values: dict[str, Any]) -> tuple[Plan | None, list[Plan]]:
    """The plan and the add-ons that were chosen, locked by their numbers; Refused if one is gone.
    Without a plan there are no add-ons."""
    plan = values.get("plan")
    if plan is None:
        return None, []
    wanted = {one.pk: one for one in (plan, *(values.get("addons") or ()))}
    now = {pk: plan_now(wanted[pk]) for pk in sorted(wanted)}
    found = [one for one in now.values() if one is not None and one.pk != plan.pk]
    return now[plan.pk], found


def suggest_system_user(name: str) -> str:
    """A free system user name made from a domain: letters first, a number behind if it is taken."""
    label = "".join(c for c in name.split(".")[0] if c.isascii() and (c.isalnum() or c in "_-"))
    stem = label.lstrip("0123456789-_")[:24].lower() or "site"
    if len(stem) < 2:
        stem = f"{stem}site"
    candidate, number = stem, 1
    while system_user_taken(candidate):
        number += 1
        candidate = f"{stem}{number}"
    return candidate


def subscription(step: Step, account: Account, values: dict[str, Any]) -> Subscription:
    """A new subscription of `account` with its main domain. Raises Refused; accounts are locked.

    `values`: domain (ASCII), plan (or None for Custom plan), addons, system_user, its
    password, description.
    """
    domain, password = values["domain"], values.get("system_user_password")
    plan, addons = chosen_plans(values)
    given = values_of(plan, addons)
    demand.refuse_full(account.reseller_id, demand.of_new_subscription(given), step.actor)
    refuse_name(domain, account.pk, step.actor)
    made = Subscription(
        account_id=account.pk,
        reseller_id=account.reseller_id,
        name=to_unicode(domain),
        description=values.get("description", ""),
        node=nodes.choose(),
        system_user_hash=hashed(password) if password else "",
        **given,
    )
    _save_with_system_user(made, values.get("system_user", ""), domain)
    _give_addons(made, addons)
    main = Domain(
        account_id=account.pk,
        reseller_id=account.reseller_id,
        subscription=made,
        ascii=domain,
        name=to_unicode(domain),
        is_main=True,
    )
    main.save()
    names.take(main)
    provisioning.deploy([made.pk])
    settle(step, [made], [main.pk])
    sync.judge([made.pk])
    return made


def _give_addons(made: Subscription, addons: Sequence[Plan]) -> None:
    links = SubscriptionAddOn.objects
    links.bulk_create(SubscriptionAddOn(subscription=made, plan=one) for one in addons)
    counters.recount_plans(one.pk for one in addons)


def _save_with_system_user(made: Subscription, typed: str, domain: str) -> None:
    """Save with the typed name, or with a free one: somebody may take it at the same moment."""
    for _attempt in range(10):
        made.system_user = typed or suggest_system_user(domain)
        try:
            with transaction.atomic():
                made.save()
        except IntegrityError:
            if not system_user_taken(made.system_user):
                raise
            if typed:
                raise Refused("system_user_taken", name=typed) from None
            made.pk = None
        else:
            return
    raise Refused("system_user_taken", name=made.system_user)


def values_of(plan: Plan | None, addons: Sequence[Plan] = ()) -> dict[str, Any]:
    """Values of a plan with add-ons; without one, what the services declare for a start."""
    if plan is None:
        return {
            "limits": {name: res.default for name, res in base.resources().items()},
            "permissions": [p.name for p in base.permissions().values() if p.default],
        }
    return {
        "plan": plan,
        **sync.values_of(plan, addons),
        "expires_on": expires_with(plan),
    }


def expires_with(plan: Plan) -> date | None:
    """The last day of what takes this plan today; None for no end."""
    if not plan.validity_days:
        return None
    return conditions.today() + timedelta(days=plan.validity_days)


def settle(step: Step, rows: Iterable[Subscription], domain_ids: Iterable[int]) -> None:
    """What follows from names that came, went or changed below subscriptions: counts, overuse,
    state, search, and what services keep of names."""
    found = list({row.pk: row for row in rows}.values())
    ids = [row.pk for row in found]
    counters.recount_subscriptions(ids)
    counters.recount_plans(row.plan_id for row in found)
    counters.recount_accounts(pk for row in found for pk in (row.account_id, row.reseller_id))
    conditions.judge(ids)
    suspension.recompute(subscriptions=ids)
    step.index("subscription", ids)
    step.index("domain", domain_ids)
    base.names_changed(step, ids)


def hosting_values(values: dict[str, Any]) -> dict[str, Any]:
    """What was said about hosting, by column; what was left empty is left to the column."""
    names = ("hosting_type", "document_root", "preferred_name", "forward_to", "forward_code")
    return {name: values[name] for name in names if values.get(name)}


def refuse_circle(forward_to: str, names: Iterable[str]) -> None:
    """Raise Refused if what a domain forwards to is one of its own names."""
    host = host_of(forward_to)
    if host and host.removeprefix("www.") in names:
        raise Refused("leads_to_itself", name=to_unicode(host))


def domain(
    step: Step, row: Subscription, values: dict[str, Any], parent: Domain | None = None
) -> Domain:
    """An additional domain of a subscription, or a subdomain of one of its domains.

    Raises Refused; the subscription is locked.
    """
    name = values["name"]
    refuse_full(step, row, "subdomains" if parent else "domains")
    refuse_name(name, row.account_id, step.actor, row.pk)
    refuse_circle(values.get("forward_to", ""), [name])
    made = Domain(
        account_id=row.account_id,
        reseller_id=row.reseller_id,
        subscription=row,
        ascii=name,
        name=to_unicode(name),
        parent=parent,
        **{"document_root": name, **hosting_values(values)},
    )
    made.save()
    names.take(made)
    provisioning.touch([row.pk])
    settle(step, [row], [made.pk])
    return made


def alias(step: Step, of: Domain, values: dict[str, Any]) -> Alias:
    """Another name for a domain. Raises Refused; the domain's subscription is locked."""
    name = values["name"]
    refuse_full(step, of.subscription, "aliases")
    refuse_name(name, of.account_id, step.actor, of.subscription_id)
    if of.hosting_type == HostingType.FORWARDING:
        refuse_circle(of.forward_to, [name])
    made = Alias.objects.create(
        account_id=of.account_id,
        reseller_id=of.reseller_id,
        subscription_id=of.subscription_id,
        domain=of,
        ascii=name,
        name=to_unicode(name),
        mode=values.get("mode") or AliasMode.REDIRECT,
        has_mail=values.get("has_mail", True),
        syncs_dns=values.get("syncs_dns", True),
    )
    names.take(made)
    provisioning.touch([of.subscription_id])
    settle(step, [of.subscription], [of.pk])
    return made

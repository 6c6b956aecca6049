"""Operations on the texts about a subscription: the provider's, and the administrator's note."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from accounts.forms import AdministratorNoteForm, DescriptionForm
from accounts.versions import edit, refuse_stale
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from panel.core.access import Actor, OwnedQuerySet
from panel.core.operations import ADMINISTRATOR, PROVIDERS, Step, register


class _Text(OnSubscriptions):
    """One text of one subscription. The subscriber sees neither the text nor the entry about it."""

    area = "accounts"
    bulk = False
    fields: ClassVar[Mapping[str, Any]]

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        return {name: getattr(targets[0], name) for name in (*self.fields, "version")}

    def check(self, step: Step) -> None:
        refuse_stale(step, [self.noun], self.fields)

    def perform(self, step: Step) -> None:
        for target in step.open:
            values = {name: step.params[name] for name in self.fields}
            old = edit(Subscription.objects.visible_to(step.actor), target, values)
            if not old:
                step.leave(target.pk)
                continue
            new = {name: values[name] for name in old}
            step.changed(
                target.pk,
                {**old, "version": target.version},
                {**new, "version": target.version + 1},
            )
            self.hide(target)

    def hide(self, target: Any) -> None:
        """SECURITY: whoever does not see the text does not see the entry about it either. Its owner
        columns are those of the row in memory, which are changed here; the stored row has its own.
        """
        raise NotImplementedError


@register
class SubscriptionDescription(_Text):
    """The provider's description, shown under the name."""

    verb = "description"
    label = _("Description")
    roles = PROVIDERS
    form_class = DescriptionForm
    order = 80
    fields = {"description": DescriptionForm.base_fields["description"].label}

    def visible(self, actor: Actor) -> OwnedQuerySet:
        """SECURITY: of its own subscriptions a reseller is the subscriber, who does not see it."""
        rows = super().visible(actor)
        return rows.exclude(account_id=actor.account_id) if actor.is_reseller else rows

    def offered(self, target: Any, actor: Actor) -> bool:
        is_own = actor.is_reseller and target.account_id == actor.account_id
        return not is_own and super().offered(target, actor)

    def hide(self, target: Any) -> None:
        if target.account_id == target.reseller_id:
            target.reseller_id = None
        target.account_id = None

    def button_label(self, target: Any) -> Any:
        return _("[edit]") if target.description else _("[add description]")

    def button_about(self, target: Any) -> Any:
        return _("Description") if target.description else ""


@register
class SubscriptionNote(_Text):
    """The administrator's note. No reseller sees it, not even in the log."""

    verb = "administrators-note"
    label = _("Administrator's note")
    roles = ADMINISTRATOR
    form_class = AdministratorNoteForm
    order = 81
    fields = {"admin_note": AdministratorNoteForm.base_fields["admin_note"].label}

    def hide(self, target: Any) -> None:
        target.account_id = target.reseller_id = None

    def button_label(self, target: Any) -> Any:
        return _("[edit note]") if target.admin_note else _("[add note]")

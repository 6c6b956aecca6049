"""Operations on imports: a file is read and checked, then imported, checked again, or removed."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account
from accounts.tree import reseller_of
from hosting import locks
from hosting.forms_imports import AddImportForm, CarryOutForm
from hosting.import_files import Upload
from hosting.importing import MOST_AT_ONCE, counts
from hosting.models.imports import Import, ImportRow, Mode, Phase
from panel.core import reasons, rows
from panel.core.access import Actor
from panel.core.operations import Consequence, Operation, Result, Step, register
from panel.core.work import State

reasons.declare(
    import_busy=_("It is being worked on. Wait, or stop it first."),
    import_not_checked=_("It was not checked to its end. Check it again first."),
    import_nothing=_("There is no row to import."),
    import_not_all=_(
        "%(count)s rows are refused: all or none would be none. Correct the file, or import the"
        " rows that nothing stands against."
    ),
    import_too_many=_(
        "All or none goes up to %(most)s rows: others cannot write so long. Import the rows that"
        " nothing stands against; what is refused can be corrected and imported after."
    ),
)
_WHY = "rows of the import, which the actor sees"


def acting(actor: Actor) -> dict[str, Any]:
    """Who it goes on for, as it stands on an import."""
    return {
        "user_id": actor.user_id,
        "real_user_id": actor.real.user_id if actor.real else None,
        "by_name": actor.person.username,
        "scopes": sorted(actor.scopes) if actor.scopes is not None else None,
        "door": actor.door,
        "address": actor.address,
        "request_id": actor.request_id,
    }


def queue(ids: Sequence[int], **values: Any) -> None:
    """Leave these imports to the worker."""
    Import.objects.unscoped(_WHY).filter(pk__in=ids).update(
        state=State.QUEUED,
        fence="",
        attempts=0,
        run_after=timezone.now(),
        finished_at=None,
        cancel_requested=False,
        **values,
    )


@register
class AddImport(Operation):
    """Reads the file and has each row checked. Nothing is made of them yet."""

    noun = "account"
    verb = "add-import"
    creates = "import"
    label = _("Import CSV")
    submit_label = _("Upload and check")
    form_class = AddImportForm
    bulk = False
    sidebar = False

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.accounts(ids)

    def check(self, step: Step) -> None:
        for account in step.open:
            if account.pk != step.actor.account_id:
                step.refuse(account.pk, "not_applicable")

    def perform(self, step: Step) -> None:
        for account in step.open:
            made = self.make(step, account, step.params["file"])
            step.created[account.pk] = made
            step.changed(account.pk, {}, {"file": made.name, "rows": made.total})

    def make(self, step: Step, account: Account, upload: Upload) -> Import:
        reseller_id = reseller_of(account)
        made = Import.objects.create(
            account=account,
            reseller_id=reseller_id,
            name=upload.name,
            columns=upload.columns,
            total=len(upload.drafts),
            **acting(step.actor),
        )
        columns = (
            "source_id account_id reseller_id line values label username password"
            " is_hopeless result code reason_params"
        )
        rows.insert(
            ImportRow,
            columns,
            (
                (
                    *(made.pk, account.pk, reseller_id, draft.line),
                    *(rows.stored_json(draft.values), draft.label, draft.username, draft.password),
                    *(bool(draft.code), Result.REFUSED.value if draft.code else None),
                    *(draft.code, rows.stored_json(draft.params)),
                )
                for draft in upload.drafts
            ),
        )
        queue([made.pk], counts=counts(made))
        return made


class _OnImport(Operation):
    """On one's own imports: their rows become one's own customers."""

    noun = "import"
    bulk = False

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.account_id == actor.account_id

    def offered(self, target: Any, actor: Actor) -> bool:
        return self.applies_to(target, actor) and not self.refusal(target)

    def refusal(self, target: Any) -> str:
        """What stands against it whatever is typed; "" if nothing does."""
        return "" if target.is_over else "import_busy"

    def check(self, step: Step) -> None:
        for row in step.open:
            if code := self.refusal(row):
                step.refuse(row.pk, code)


@register
class CarryOut(_OnImport):
    verb = "carry-out"
    label = _("Import")
    form_class = CarryOutForm
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        is_clean = len(targets) == 1 and not _bad(targets[0]) and targets[0].total <= MOST_AT_ONCE
        return {"mode": Mode.ALL if is_clean else Mode.GOOD}

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        found = []
        for row in rows:
            good = ngettext(
                "%(n)s row is good and becomes a customer, or a subscription.",
                "%(n)s rows are good and become customers and subscriptions.",
                row.count(Result.DONE),
            )
            found.append(Consequence(good % {"n": f"{row.count(Result.DONE):,}"}))
            if bad := row.count(Result.REFUSED) + row.count(Result.FAILED):
                text = ngettext("%(n)s is refused.", "%(n)s are refused.", bad)
                found.append(Consequence(text % {"n": f"{bad:,}"}, "warn"))
        return found

    def refusal(self, target: Any) -> str:
        if target.status != "checked":
            return "import_not_checked" if target.is_over else "import_busy"
        good = ImportRow.objects.unscoped(_WHY).filter(
            source_id=target.pk, result=Result.DONE, is_made=False
        )
        return "" if good.exists() else "import_nothing"

    def check(self, step: Step) -> None:
        super().check(step)
        if step.params["mode"] != Mode.ALL:
            return
        for row in step.open:
            if bad := _bad(row):
                step.refuse(row.pk, "import_not_all", count=bad)
            elif row.total > MOST_AT_ONCE:
                step.refuse(row.pk, "import_too_many", most=MOST_AT_ONCE)

    def perform(self, step: Step) -> None:
        mode = step.params["mode"]
        for row in step.open:
            found = ImportRow.objects.unscoped(_WHY).filter(source_id=row.pk)
            found.filter(result=Result.DONE, is_made=False).update(result=None)
            step.changed(row.pk, {}, {"mode": mode, "rows": row.count(Result.DONE)})
            queue([row.pk], phase=Phase.IMPORT, mode=mode, counts=counts(row), **acting(step.actor))


@register
class CheckAgain(_OnImport):
    """Looks once more at the rows that were not imported: a limit may have been raised since."""

    verb = "check"
    label = _("Check again")
    order = 20

    def perform(self, step: Step) -> None:
        for row in step.open:
            found = ImportRow.objects.unscoped(_WHY).filter(source_id=row.pk)
            found.filter(is_made=False, is_hopeless=False).update(result=None, code="")
            queue([row.pk], phase=Phase.CHECK, assumed={}, counts=counts(row), **acting(step.actor))


@register
class StopImport(_OnImport):
    """What is imported stays; the rest is left."""

    verb = "stop"
    label = _("Stop")
    order = 30

    def refusal(self, target: Any) -> str:
        return "nothing_changed" if target.is_over else ""

    def check(self, step: Step) -> None:
        for row in step.open:
            if row.is_over:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        Import.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(cancel_requested=True)


@register
class RemoveImport(_OnImport):
    """Forgets the file and what came of its rows; what was imported stays."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.account_id == actor.account_id or actor.is_administrator

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [Consequence(_("The customers and subscriptions that were imported stay."))]

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return reverse("import_list")

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        ImportRow.objects.unscoped(_WHY).filter(source_id__in=ids).delete()
        Import.objects.unscoped(_WHY).filter(pk__in=ids).delete()


def _bad(row: Any) -> int:
    """How many rows are refused or failed."""
    found = ImportRow.objects.unscoped(_WHY).filter(source_id=row.pk)
    return found.filter(Q(result=Result.REFUSED) | Q(result=Result.FAILED)).count()

"""Operations on dumps: exporting a database, importing into one, stopping, removing."""

from collections import Counter
from functools import partial
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting.models.nodes import Node
from hosting.services.database import spool
from hosting.services.database.forms_dumps import ImportDumpForm, Script
from hosting.services.database.models import Database, DatabaseDump, Task
from hosting.services.database.operations import SERVICE, WHY, OnOwned
from hosting.services.database.settings import MOST_KEPT
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Consequence, Step, register
from panel.core.work import State

reasons.declare(
    no_dumps=_("The server of %(name)s makes no dumps."),
    dump_under_way=_("Another dump of %(name)s is under way."),
    too_many_dumps=_("Its subscription has %(n)s dumps already. Remove one first."),
    dump_busy=_("%(name)s is being worked on. Stop that first."),
    dump_suspended=_("%(name)s is suspended: nothing is imported meanwhile."),
    dump_not_whole=_("%(name)s is not complete."),
    no_room_for_dumps=_("The panel has no room for another dump now."),
)
_BUSY = (State.QUEUED, State.RUNNING)


def dumps_page(database_id: int) -> str:
    """The tab of a database that shows its dumps."""
    return reverse("database_operation", args=[database_id, "dumps"])


class _WithDumps(OnOwned):
    """On databases whose server makes dumps, one at a time."""

    noun = "database"
    model = Database

    def check(self, step: Step) -> None:
        super().check(step)
        nodes = Node.objects.in_bulk({row.subscription.node_id for row in step.open})
        rows = DatabaseDump.objects.unscoped(WHY)
        busy = set(
            rows.filter(database_id__in=step.open_ids, state__in=_BUSY).values_list(
                "database_id", flat=True
            )
        )
        for row in step.open:
            offer = nodes[row.subscription.node_id].offers(SERVICE).get(row.server, {})
            if not offer.get("dumps"):
                step.refuse(row.pk, "no_dumps", name=str(row))
            elif row.pk in busy:
                step.refuse(row.pk, "dump_under_way", name=str(row))

    def refuse_more(self, step: Step) -> None:
        """Refuse what would be one dump too many of its subscription, or what finds no room."""
        rows = DatabaseDump.objects.unscoped(WHY)
        ids = {row.subscription_id for row in step.open}
        counts = rows.filter(subscription_id__in=ids).values_list("subscription_id")
        found, most = Counter(dict(counts.annotate(n=Count("pk")).order_by())), MOST_KEPT.get()
        is_full = spool.is_full()
        for row in step.open:
            found[row.subscription_id] += 1
            if found[row.subscription_id] > most:
                step.refuse(row.pk, "too_many_dumps", n=most)
            elif is_full:
                step.refuse(row.pk, "no_room_for_dumps")

    def made(self, step: Step, row: Database, task: str, **more: Any) -> DatabaseDump:
        """A dump of this database, which the worker takes up."""
        return DatabaseDump.objects.create(
            subscription=row.subscription,
            account_id=row.account_id,
            reseller_id=row.reseller_id,
            database=row,
            server=row.server,
            task=task,
            state=State.QUEUED,
            by_name=step.actor.username,
            **more,
        )

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return dumps_page(target_id)


@register
class ExportDump(_WithDumps):
    """All that is in it, as a script of SQL that is compressed, to be downloaded."""

    verb = "export-dump"
    label = _("Export Dump")
    order = 20

    def check(self, step: Step) -> None:
        super().check(step)
        self.refuse_more(step)

    def perform(self, step: Step) -> None:
        day = timezone.localdate().isoformat()
        for row in step.open:
            name = f"{row.name}-{day}.sql.gz"
            made = self.made(step, row, Task.EXPORT, name=name, token=spool.new_token())
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"dump": made.name})


@register
class ImportDump(_WithDumps):
    """A script is run on it, with rights to nothing else."""

    verb = "import-dump"
    label = _("Import Dump")
    form_class = ImportDumpForm
    bulk = False
    order = 21

    def check(self, step: Step) -> None:
        super().check(step)
        dump = step.params.get("dump")
        for row in step.open:
            if row.subscription.is_suspended:
                step.refuse(row.pk, "dump_suspended", name=row.subscription.name)
            elif dump is not None and dump.is_busy:
                step.refuse(row.pk, "dump_busy", name=str(dump))
            elif dump is not None and not dump.is_whole:
                step.refuse(row.pk, "dump_not_whole", name=str(dump))
        if dump is None:
            self.refuse_more(step)

    def perform(self, step: Step) -> None:
        recreates, dump = bool(step.params.get("recreate")), step.params.get("dump")
        for row in step.open:
            if dump is None:
                dump = self._uploaded(step, row, step.params["file"], recreates)
                step.created[row.pk] = dump
            else:
                self._again(row, dump, recreates)
            new = {"dump": dump.name, "recreate": recreates}
            step.changed(row.pk, {}, new)

    def _uploaded(self, step: Step, row: Database, script: Script, recreates: bool) -> DatabaseDump:
        token = script.token or spool.new_token()
        if not script.token:
            with spool.create(token) as place:
                place.write(script.text.encode())
        about = {"name": script.name, "token": token, "size": script.size}
        return self.made(step, row, Task.IMPORT, recreates=recreates, is_whole=True, **about)

    def _again(self, row: Database, dump: DatabaseDump, recreates: bool) -> None:
        DatabaseDump.objects.unscoped(WHY).filter(pk=dump.pk).update(
            database=row,
            task=Task.IMPORT,
            recreates=recreates,
            state=State.QUEUED,
            attempts=0,
            progress=0,
            has_begun=False,
            cancel_requested=False,
            error="",
            run_after=timezone.now(),
            finished_at=None,
        )


class _OnDumps(OnOwned):
    noun = "database-dump"
    model = DatabaseDump

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        rows = DatabaseDump.objects.visible_to(actor).filter(pk=target_id)
        found = rows.values_list("database_id", flat=True).first()
        return dumps_page(found) if found else ""


@register
class StopDump(_OnDumps):
    """What was imported up to then stays in a database of MariaDB, and goes from one of
    PostgreSQL; an export is thrown away."""

    verb = "stop"
    label = _("Stop")
    order = 10

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return bool(target.is_busy)

    def is_done(self, target: Any) -> bool:
        return not target.is_busy

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if not row.is_busy:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        rows = DatabaseDump.objects.unscoped(WHY).filter(pk__in=step.open_ids)
        rows.update(cancel_requested=True)
        for row in step.open:
            step.changed(row.pk, {}, {"stopped": row.name})


@register
class RemoveDump(_OnDumps):
    """The file goes; the database stays as it is."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if row.is_busy:
                step.refuse(row.pk, "dump_busy", name=str(row))

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        names = list(rows.order_by("name").values_list("name", flat=True)[:1000])
        text = ngettext(
            "%(n)s file goes for good; databases stay as they are:",
            "%(n)s files go for good; databases stay as they are:",
            len(names),
        )
        return [Consequence(text % {"n": len(names)}, "bad", names)]

    def perform(self, step: Step) -> None:
        tokens = [row.token for row in step.open]
        for row in step.open:
            step.changed(row.pk, {"dump": row.name}, {})
        DatabaseDump.objects.unscoped(WHY).filter(pk__in=step.open_ids).delete()
        step.after_commit.append(partial(spool.forget, tokens))

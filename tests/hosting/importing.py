"""Files to import, and short ways to bring them in."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from hosting import importing
from hosting.models.imports import Import, ImportRow
from panel.core.work import State
from tests.hosting.world import HostingWorld

HEAD = "contact_name,email,username,domain,plan"
GOOD = (
    "Anna Berg,anna@berg.example,anna,berg.example,Ada Basic\n"
    "Bert Quinn,bert@quinn.example,bert,,\n"
)


def text_of(*lines: str, head: str = HEAD) -> str:
    return "\n".join([head, *lines]) + "\n"


def people(*names: str, domains: bool = True) -> str:
    return text_of(
        *(
            f"{n.title()} Test,{n}@mail.example,{n},{f'{n}.example' if domains else ''},"
            for n in names
        )
    )


def uploaded(world: HostingWorld, who: str, text: str, **changes: Any) -> Import:
    """A file, read and checked by the worker."""
    account = world.accounts[who]
    finding = world.finding(who, "account.add-import", account, file=text)
    assert finding.created_id, (finding.code, finding.params)
    return worked(Import.objects.get(pk=finding.created_id))


def worked(source: Import) -> Import:
    """What the worker does with what is queued."""
    importing.carry_out_here(source.pk)
    return Import.objects.get(pk=source.pk)


def imported(world: HostingWorld, who: str, source: Import, mode: str = "good") -> Import:
    """The rows that were found good, or all or none of them."""
    outcome = world.perform(who, "import.carry-out", source, mode=mode)
    assert outcome.is_clean, [(f.code, f.params) for f in outcome.findings]
    assert Import.objects.get(pk=source.pk).state == State.QUEUED
    return worked(source)


def rows(source: Import) -> list[ImportRow]:
    return list(ImportRow.objects.filter(source=source).order_by("pk"))


def results(source: Import) -> dict[int, str]:
    """Line -> what became of it."""
    return {row.line: f"{row.result} {row.code}".strip() for row in rows(source)}


def reason(source: Import, line: int) -> str:
    return next(row.reason for row in rows(source) if row.line == line)


def file(text: str | bytes, name: str = "people.csv") -> SimpleUploadedFile:
    data = text if isinstance(text, bytes) else text.encode()
    return SimpleUploadedFile(name, data, "text/csv")

"""From the table of a file to the rows of an import: columns, passwords, what is there twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import credentials
from hosting.validators import clean_host_name
from panel.core import reasons
from panel.core.csv_files import Table, plain

PASSWORD = "password"  # noqa: S105  the name of a column
# Each is hashed while the browser waits, so that none is ever written down.
MAX_PASSWORDS = 500
# What our own list of refused rows adds.
OURS = frozenset({"line", "reason"})

reasons.declare(
    import_cells=gettext_lazy("There are %(found)s cells, and %(wanted)s columns."),
    import_twice=gettext_lazy("%(column)s: %(value)s stands in line %(line)s already."),
)


@dataclass
class Draft:
    """A row of the file; `code` and `params` where it is at fault in itself."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    password: str = ""
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def username(self) -> str:
        return self.values.get("username", "").lower()[:100]

    @property
    def label(self) -> str:
        named = ("contact_name", "username", "domain", "subscriber")
        return next((self.values[name] for name in named if name in self.values), "")[:255]

    def fault(self, code: str, **params: Any) -> None:
        """The first fault stands."""
        if not self.code:
            self.code, self.params = code, params


@dataclass
class Upload:
    """A file that was read: what an import is made of."""

    name: str
    columns: list[str]
    drafts: list[Draft]


def columns_of(head: list[str], known: Mapping[str, str]) -> list[str]:
    """Names of parameters for the columns, which may carry labels; ValidationError if one is
    unknown or there twice: nothing of a file is dropped in silence."""
    by_label = {label.casefold(): name for name, label in known.items()}
    found: list[str] = []
    wrong: list[str] = []
    for title in head:
        name = title.casefold().replace(" ", "_").replace("-", "_")
        name = name if name in known or name in OURS else by_label.get(title.casefold(), "")
        if not name:
            words = _("There is no column “%(column)s”. There are: %(known)s.")
            wrong.append(words % {"column": title[:100], "known": ", ".join(known)})
        elif name in found:
            wrong.append(_("The column “%(column)s” is there twice.") % {"column": title[:100]})
        found.append(name)
    if wrong:
        raise ValidationError(wrong[:5])
    return found


def drafts_of(table: Table, columns: list[str], labels: Mapping[str, str]) -> list[Draft]:
    """The rows with their values by column, passwords hashed, faults noted."""
    drafts = []
    passwords: list[tuple[Draft, str]] = []
    for line, cells in table.rows:
        draft = Draft(line)
        if len(cells) != len(columns):
            draft.fault("import_cells", found=len(cells), wanted=len(columns))
        for name, cell in zip(columns, cells, strict=False):
            if name == PASSWORD and cell:
                passwords.append((draft, cell))
            elif name not in OURS and (text := plain(cell)):
                draft.values[name] = text
        drafts.append(draft)
    if len(passwords) > MAX_PASSWORDS:
        words = _(
            "The file gives %(found)s passwords; %(most)s are the most. Split it, or leave the"
            " column out: customers then choose theirs by “Forgotten password?”."
        )
        raise ValidationError(words % {"found": len(passwords), "most": MAX_PASSWORDS})
    _refuse_repeated(drafts, labels)
    _hash(passwords, labels)
    return drafts


def _hash(passwords: Iterable[tuple[Draft, str]], labels: Mapping[str, str]) -> None:
    for draft, password in passwords:
        values = draft.values
        try:
            credentials.check_strength(
                password,
                username=draft.username,
                name=values.get("contact_name", ""),
                email=values.get("email", ""),
            )
        except ValidationError as error:
            draft.fault("invalid", error=f"{labels[PASSWORD]}: {' '.join(error.messages)}")
            continue
        if not draft.code:
            draft.password = make_password(password)


def _refuse_repeated(drafts: list[Draft], labels: Mapping[str, str]) -> None:
    """What may be there once only. The first row has it; the others are told where."""
    seen: dict[tuple[str, str], int] = {}
    emails: dict[str, int] = {}
    for draft in drafts:
        for column in ("username", "external_id", "domain", "system_user"):
            text = draft.values.get(column)
            if not text:
                continue
            first = seen.setdefault((column, _folded(column, text)), draft.line)
            if first == draft.line and column == "username":
                # A username may not be the contact email of somebody else.
                first = emails.get(draft.username, draft.line)
            if first != draft.line:
                draft.fault(
                    "import_twice", column=str(labels[column]), value=text[:100], line=first
                )
        if email := draft.values.get("email"):
            emails.setdefault(email.casefold(), draft.line)


def _folded(column: str, text: str) -> str:
    """As it is compared: names of hosts in ASCII, usernames without regard to case."""
    if column == "domain":
        try:
            return clean_host_name(text)
        except ValidationError:
            return text.casefold()
    return text if column == "external_id" else text.casefold()

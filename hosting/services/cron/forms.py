"""Parameters of operations on scheduled tasks."""

from datetime import time
from typing import Any

from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.forms import time_zones
from hosting.services.cron import driver_desired as limits
from hosting.services.cron import driver_schedule as schedule
from hosting.services.cron.models import Kind
from panel.core.forms import OperationForm
from panel.core.versions import VersionField
from panel.core.widgets import QuickSelect

LINE = "line"
_TIMES = (
    ("hourly", _("every hour")),
    ("daily", _("every day")),
    ("weekly", _("every week")),
    ("monthly", _("every month")),
    (LINE, _("by cron line")),
)
_WEEKDAYS = (
    *((1, _("Monday")), (2, _("Tuesday")), (3, _("Wednesday")), (4, _("Thursday"))),
    *((5, _("Friday")), (6, _("Saturday")), (0, _("Sunday"))),
)
_FIELDS = {
    "minute": _("minute"),
    "hour": _("hour"),
    "day": _("day of the month"),
    "month": _("month"),
    "weekday": _("day of the week"),
}


def line_of(times: str, at: time, weekday: int, day: int) -> str:
    """The cron line of a choice of the form."""
    return {
        "hourly": f"{at.minute} * * * *",
        "daily": f"{at.minute} {at.hour} * * *",
        "weekly": f"{at.minute} {at.hour} * * {weekday}",
        "monthly": f"{at.minute} {at.hour} {day} * *",
    }[times]


class TaskForm(OperationForm):
    """What is run, when, as long as it may, and who hears of a failure."""

    description = forms.CharField(label=_("Description"), max_length=100, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=Kind.choices, initial=Kind.URL)
    what = forms.CharField(
        label=_("What to run"),
        max_length=limits.LONGEST,
        help_text=_(
            "An address like https://example.com/cron; a PHP script by its path in the"
            " subscription, like httpdocs/cron.php; or a command."
        ),
    )
    times = forms.ChoiceField(label=_("Times"), choices=_TIMES, initial="daily")
    at = forms.TimeField(
        label=_("At"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("For every hour, the minutes count."),
    )
    weekday = forms.TypedChoiceField(
        label=_("Day of the week"), choices=_WEEKDAYS, coerce=int, required=False, empty_value=1
    )
    day = forms.IntegerField(label=_("Day of the month"), min_value=1, max_value=31, required=False)
    line = forms.CharField(
        label=_("Cron line"),
        max_length=schedule.LONGEST,
        required=False,
        help_text=_("Minute, hour, day, month, day of the week: */15 8-18 * * mon-fri"),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"), choices=time_zones, required=False, widget=QuickSelect
    )
    seconds = forms.IntegerField(
        label=_("Longest run (seconds)"),
        min_value=1,
        max_value=limits.LONGEST_SECONDS,
        required=False,
        help_text=_("Empty: an hour. Then it is stopped."),
    )
    memory = forms.IntegerField(
        label=_("Memory of a process (MiB)"),
        min_value=limits.LEAST_MEMORY,
        max_value=limits.MOST_MEMORY,
        required=False,
        help_text=_("Empty: 512."),
    )
    mail_to = forms.EmailField(label=_("Mail on failure to"), required=False)

    def clean_what(self) -> str:
        return self.cleaned_data["what"].strip()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        self._clean_what(cleaned.get("kind"), cleaned.get("what", ""))
        times = cleaned.get("times")
        if times == LINE:
            self._clean_line(" ".join((cleaned.get("line") or "").split()))
        elif times and not {"at", "weekday", "day"} & self.errors.keys():
            at = cleaned.get("at") or time(0, 0)
            line = line_of(times, at, cleaned.get("weekday") or 0, cleaned.get("day") or 1)
            cleaned["line"] = line
        cleaned["seconds"] = cleaned.get("seconds") or 3600
        cleaned["memory"] = cleaned.get("memory") or 512
        cleaned["zone"] = cleaned.get("zone") or "UTC"
        return cleaned

    def _clean_what(self, kind: str | None, what: str) -> None:
        if kind == Kind.URL and what and not limits.is_url(what):
            words = _("An address begins with http:// or https://, and holds no name or password.")
            self.add_error("what", words)
        if kind == Kind.PHP and what and not limits.is_script(what):
            words = _("The path of a script inside the subscription, without .. and no / first.")
            self.add_error("what", words)

    def _clean_line(self, line: str) -> None:
        try:
            schedule.parse(line)
        except schedule.BadLine as bad:
            if not bad.field:
                words = _("A cron line has five fields: minute, hour, day, month, day of the week.")
                self.add_error("line", words)
            else:
                text = _t("This cannot be understood, or is never due: %(field)s.")
                self.add_error("line", text % {"field": _FIELDS[bad.field]})
        self.cleaned_data["line"] = line

    def get_layout(self) -> Layout:
        return Layout(
            "description",
            Row(Column("kind", css_class="col-narrow"), Column("what")),
            Fieldset(
                str(_("Times")),
                Row(Column("times"), Column("at"), Column("weekday"), Column("day")),
                Row(Column("line"), Column("zone")),
            ),
            Fieldset(
                str(_("Limits and mail")),
                Row(Column("seconds"), Column("memory"), Column("mail_to")),
            ),
        )


class EditTaskForm(TaskForm):
    """The same, of the version of the task that the form was made of."""

    version = VersionField()

    def get_layout(self) -> Layout:
        return Layout(*super().get_layout().fields, "version")

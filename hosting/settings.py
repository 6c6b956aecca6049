"""What an administrator sets about hosting: how long what was removed is kept."""

from django.utils.translation import gettext_lazy as _

from panel.core import setting

setting.section(
    "removal",
    _("Removal"),
    _("What is removed is shut at once, and can be restored until it is purged."),
    order=10,
)

KEEP_REMOVED_DAYS = setting.declare(
    setting.Number(
        "keep_removed_days",
        "removal",
        _("Keep what was removed (days)"),
        14,
        _(
            "Customers, resellers and subscriptions wait so long in the filter Removed. 0: nothing"
            " is kept, and nothing can be restored. What was removed before keeps its day."
        ),
        most=3650,
    )
)

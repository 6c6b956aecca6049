"""What an administrator sets about dumps of databases."""

from django.utils.translation import gettext_lazy as _

from panel.core import setting

setting.section(
    "dumps",
    _("Database dumps"),
    _("Exported and uploaded dumps lie on the panel's disk, outside of what subscriptions use."),
    order=45,
)
MOST_KEPT = setting.declare(
    setting.Number(
        "dumps_kept",
        "dumps",
        _("Dumps of a subscription"),
        10,
        _("More are refused until some are removed."),
        least=1,
        most=1000,
    )
)
KEPT_DAYS = setting.declare(
    setting.Number(
        "dumps_kept_days",
        "dumps",
        _("Keep dumps (days)"),
        7,
        _("They are removed afterwards."),
        least=1,
        most=365,
    )
)
LARGEST_UPLOAD = setting.declare(
    setting.Number(
        "dumps_largest_upload",
        "dumps",
        _("Largest file that may be uploaded (MiB)"),
        1024,
        least=1,
        most=4096,
    )
)

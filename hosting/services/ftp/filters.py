"""What the list of FTP accounts can be narrowed by."""

from hosting.filters import ProviderFilters, SwitchFilter
from hosting.services.ftp.models import FtpAccount


class FtpAccountFilter(ProviderFilters):
    status = SwitchFilter("is_on", on=[True], off=[False])

    class Meta:
        model = FtpAccount
        fields: list[str] = []

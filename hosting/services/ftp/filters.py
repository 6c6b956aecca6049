"""What the list of FTP accounts can be narrowed by."""

from hosting.filters import ProviderFilters
from hosting.services.ftp.models import FtpAccount


class FtpAccountFilter(ProviderFilters):
    class Meta:
        model = FtpAccount
        fields: list[str] = []

"""Addresses of FTP accounts."""

from hosting.services.ftp.views import FtpAccountDetail, FtpAccountList
from panel.core.urls import noun_urls

urlpatterns = noun_urls("ftp-account", FtpAccountList, FtpAccountDetail)

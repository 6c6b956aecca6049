"""Settings for mail programs in nginx's configuration: who asks for them, and how it is answered.

Thunderbird asks autoconfig.DOMAIN, or DOMAIN below /.well-known/; Outlook sends an address to
autodiscover.DOMAIN, or to DOMAIN. The answers are files of the mail service's
(hosting/services/mail/driver_programs.py). A file of a tenant's own at these places goes first, and
so does what a site's own directives say of them.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from hosting.agent.platform import Platform
from hosting.services.mail import driver_programs as programs
from hosting.services.web.driver_maps import MAIL, quoted

_MOST = "16k"
_WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
# Nobody asks for these two: requests are led there.
_BODY, _ANSWER = "/.freehold/mail-request", "/.freehold/mail-settings"
_SCHEMA = re.escape("/outlook/responseschema/2006a")
# The characters of mailboxes: none of them means anything in XML.
_ADDRESS = r"<EMailAddress>\s*(?<mail_box>[a-z0-9._+-]{1,64})@[a-z0-9.-]{1,253}\s*</EMailAddress>"


def maps(platform: Platform) -> str:
    """Return the maps from a site, and from what Outlook sent, to what the answers hold."""
    if not platform.mail_ports:
        return ""
    return f"""  map $site $mail_site {{
    default $site;
    "~^(?<mail_of>s[0-9]+-[0-9]+)-mail$" $mail_of;
  }}
  map $mail_site $mail {{ default ""; include {MAIL}; }}
  map $mail ${programs.DOMAIN} {{ default ""; "~^(?<mail_name>[^ ]+) " $mail_name; }}
  map $mail ${programs.SERVER} {{ default ""; "~ (?<mail_place>[^ ]+)$" $mail_place; }}
  map $request_body $mail_asked {{ default ""; "~*{_ADDRESS}" $mail_box; }}
  map $request_body $mail_schema {{ default ""; "~{_SCHEMA}[ \t\r\n]*<" outlook; }}
  map "$mail_schema $mail_asked" ${programs.LOGIN} {{
    default "";
    "~^outlook (?<mail_local>[^ ]+)$" $mail_local@${programs.DOMAIN};
  }}
  map "$request_method $https" $is_mail_lead {{ default ""; "GET " 1; }}
"""


def locations(
    platform: Platform, links: str, headers: Sequence[str], is_secure: bool, is_own: bool
) -> str:
    """Return what answers mail programs; nothing on a node without mail.

    `links`: what refuses links in a tenant's directory; `is_secure`: whether there is https;
    `is_own`: whether it is the server of one site, which names of services never reach.
    """
    if not platform.mail_ports:
        return ""
    place = programs.directory(platform)
    answer = f"""ssi on;
      ssi_types text/xml;
      types {{ }}
      default_type text/xml;
      etag off;
      if_modified_since off;
      max_ranges 0;
      {" ".join(headers)}
      add_header Cache-Control no-store always;"""
    of_service = "" if is_own else _OF_SERVICE.format(links=links, well_known=_WELL_KNOWN)
    return (
        of_service
        + _autoconfig(place, links, answer)
        + _autodiscover(place, links, answer, is_secure)
    )


# A site's own file of that name is the site's.
_OF_SERVICE = """
    location = /mail/config-v1.1.xml {{
      {links}
      if ($site ~ "-mail$") {{ rewrite ^ {well_known} last; }}
      try_files $uri =404;
    }}"""


def _autoconfig(place: Path, links: str, answer: str) -> str:
    return f"""
    location ~ "^{re.escape(_WELL_KNOWN)}$" {{ {links} try_files $uri @autoconfig; }}
    location @autoconfig {{
      if ($mail = "") {{ return 404; }}
      root {quoted(place)};
      try_files /{programs.AUTOCONFIG} =404;
      {answer}
    }}"""


def _autodiscover(place: Path, links: str, answer: str, is_secure: bool) -> str:
    """Return what answers Outlook.

    What was sent is read for the mirror's sake, which asks nobody anything: nginx reads it for
    nothing else here. A file cannot be posted to, and that refusal leads to the answer, as a GET.
    """
    # Outlook sends nothing in the clear: it asks by http where it finds https.
    lead = 'if ($is_mail_lead) { return 302 "https://$host$secure_port$request_uri"; }'
    return f"""
    location ~* "^/autodiscover/autodiscover\\.xml$" {{
      {links}
      client_max_body_size {_MOST};
      try_files $uri @autodiscover;
    }}
    location @autodiscover {{
      if ($mail = "") {{ return 404; }}
      {lead if is_secure else ""}
      if ($request_method != POST) {{ return 405; }}
      root {quoted(place)};
      client_max_body_size {_MOST};
      client_body_buffer_size {_MOST};
      mirror {_BODY};
      error_page 405 =200 {_ANSWER};
      try_files /{programs.AUTODISCOVER} =404;
    }}
    location = {_BODY} {{ internal; return 204; }}
    location = {_ANSWER} {{
      internal;
      if (${programs.LOGIN} = "") {{ return 400; }}
      alias {quoted(place / programs.AUTODISCOVER)};
      {answer}
    }}
"""

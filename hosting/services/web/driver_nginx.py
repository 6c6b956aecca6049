"""nginx's configuration as text: one server block for all sites, and those of sites with their own.

Here and in driver_maps.py text becomes configuration, and nowhere else. Whatever does not fit the
grammar is refused.
"""

from collections.abc import Sequence
from pathlib import Path

from hosting.agent.platform import Platform
from hosting.services.web import driver_php as php
from hosting.services.web import driver_programs as programs
from hosting.services.web.driver_desired import Site
from hosting.services.web.driver_directives import guarded, has_root_location
from hosting.services.web.driver_grammar import Directive, serialize
from hosting.services.web.driver_maps import quoted, site_name
from hosting.services.web.driver_pages import UNAVAILABLE
from hosting.services.web.driver_types import TYPES

# The host that the agent asks which configuration the running workers have read. Names below
# .invalid are nobody's for ever.
PROBE_HOST = "freehold-probe.invalid"
CHALLENGES = "/.well-known/acme-challenge/"
_CHALLENGE = r'"^/\.well-known/acme-challenge/[A-Za-z0-9_-]+$"'
# A file among the challenges: it answers for every name that is hosted, shut or not.
PROBE_PATH = CHALLENGES + "freehold-probe"

# What a server of these days offers: forward secrecy, and nothing but authenticated encryption.
_CIPHERS = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)

_HEADERS = (
    'add_header X-Content-Type-Options "nosniff" always;',
    'add_header X-Frame-Options "SAMEORIGIN" always;',
    'add_header Referrer-Policy "strict-origin-when-cross-origin" always;',
    # Empty but for sites that ask for it, and then by https only: an empty one is not sent.
    "add_header Strict-Transport-Security $strict always;",
)


def _types() -> str:
    return "\n".join(f"    {kind} {endings};" for kind, endings in TYPES.items())


def _user(platform: Platform) -> str:
    return f"user {quoted(platform.web_user)};\n" if platform.web_user else ""


def _temporary(platform: Platform) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(f"  {kind}_temp_path {quoted(platform.run / kind)};" for kind in kinds)


def _gate(web: Path) -> str:
    """Return what decides, in this order: nobody's name, shut, leads elsewhere.

    Challenges always answer, so that a certificate does not run out while a site is shut; by names
    that no site has, too: those of services.
    """
    return f"""
    if ($known = "") {{ return 404; }}
    if (-f {quoted_variable(web / "susp", "$flag")}) {{ return 503; }}
    if (-f {quoted_variable(web / "susp", "$site_flag")}) {{ return 503; }}
    if ($moved_here) {{ return 301 $moved_here; }}
    if ($found_here) {{ return 302 $found_here; }}
    if ($secure_here) {{ return 301 https://$host$secure_port$request_uri; }}
"""


def quoted_variable(directory: Path, variable: str) -> str:
    """Return a quoted path that ends with a variable whose values are ours alone."""
    return quoted(directory)[:-1] + f'/{variable}"'


def _listen(platform: Platform, port: int, *more: str) -> str:
    """Return where a server listens; "everywhere" means by IPv6 as well, where there is any."""
    places = [f"{platform.address}:{port}"]
    if platform.address == "0.0.0.0" and Path("/proc/net/if_inet6").exists():  # noqa: S104
        places.append(f"[::]:{port}")
    return "\n    ".join(" ".join(("listen", place, *more)) + ";" for place in places)


def _tls(platform: Platform, http2: str) -> str:
    """Return what all servers that answer by https have in common; certificates go by name.

    A file with key and chain is read with each handshake, so a new one serves without a reload.
    """
    if platform.https_port is None or not http2:
        return ""
    pair = quoted_variable(platform.web / "certificates", "$certificate.pem")
    return f"""  {"http2 on;" if http2 == "on" else ""}
  map $ssl_server_name $certificate {{ hostnames; default own; include certificates.map; }}
  ssl_certificate {pair};
  ssl_certificate_key {pair};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers {_CIPHERS};
  ssl_prefer_server_ciphers off;
  ssl_session_cache shared:tls:10m;
  ssl_session_timeout 1d;
  ssl_session_tickets off;"""


def _listens(platform: Platform, http2: str, *more: str) -> str:
    """Return where sites answer, by http and, where there is any, by https."""
    found = _listen(platform, platform.port, *more)
    if platform.https_port is None or not http2:
        return found
    tls = ("ssl", "http2") if http2 == "listen" else ("ssl",)
    return f"{found}\n    {_listen(platform, platform.https_port, *tls, *more)}"


def _site_server(
    platform: Platform, listens: str, names: str, own: Sequence[Directive], mail: str
) -> str:
    """Return a server of sites: the common one, or that of a site with directives of its own.

    What decides who is served stands before theirs, which no challenge reaches.
    """
    web = platform.web
    headers = "\n    ".join(_HEADERS)
    directory = php.directories(platform)
    scripts = quoted_variable(directory, "$site") if directory else None
    everything = theirs = ""
    refused = _links(platform)
    links = serialize((refused,)).strip()
    if not has_root_location(own):
        everything = f"location / {{ {links} try_files $uri $uri/ =404; }}"
    if own:
        theirs = f"    if ($uri ~ {_CHALLENGE}) {{ break; }}\n"
        theirs += serialize(guarded(own, refused))
    return f"""
  server {{
    {listens}
    server_name {names};
    root {quoted_variable(web / "sites", "$site")};
    {php.index(scripts)}
    limit_rate $rate;
    {headers}
    error_page 503 @suspended;
{_gate(web)}
    # Links are refused in locations only: in the gate they would cost a descriptor, and a flag
    # that cannot be seen for want of one would open the site.
    location ^~ {CHALLENGES} {{
      root {quoted(web / "acme")};
      disable_symlinks {platform.refused_links[0]};
      types {{ }}
      default_type text/plain;
    }}
    location ~ "/\\.(?!well-known/)" {{ return 403; }}
    {php.locations(scripts, links)}
    {everything}
    # A named location: the gate above would run again for any other, and shut this page too.
    location @suspended {{
      default_type "text/html; charset=utf-8";
      {headers}
      add_header Retry-After 3600 always;
      add_header Cache-Control no-store always;
      return 503 {quoted(UNAVAILABLE)};
    }}
{theirs}{mail}  }}
"""


def _links(platform: Platform) -> Directive:
    return Directive("disable_symlinks", platform.refused_links)


def _mail(platform: Platform, http2: str, is_own: bool) -> str:
    """Return what answers mail programs. Behind what a site says itself: there the first counts."""
    links = serialize((_links(platform),)).strip()
    return programs.locations(platform, links, _HEADERS, bool(http2), is_own)


def own_server(platform: Platform, http2: str, key: str, site: Site, has_mail: bool) -> str:
    """Return the server of a site with directives of its own, under a line with its key."""
    names = " ".join(site_name(name) for name in site.all_names)
    listens = _listens(platform, http2)
    mail = _mail(platform, http2, is_own=True) if has_mail else ""
    return f"  # {key}\n{_site_server(platform, listens, names, site.directives, mail).lstrip()}"


def _servers(platform: Platform, http2: str) -> str:
    """Return the server of all sites, and the one that the agent asks."""
    listens = _listens(platform, http2, "default_server")
    mail = _mail(platform, http2, is_own=False)
    common = _site_server(platform, listens, '""', (), mail)
    return f"""{common}
  server {{
    {_listen(platform, platform.port)}
    server_name {PROBE_HOST};
    access_log off;
    allow 127.0.0.1;
    deny all;
    default_type text/plain;
    location = / {{ return 200 $serial; }}
  }}
"""


def _ports(platform: Platform) -> str:
    """Return the maps of what stands behind a name in an address of this node."""
    plain = "" if platform.public_port == 80 else f":{platform.public_port}"
    secure = "" if platform.https_port in (443, None) else f":{platform.https_port}"
    return f"""  map "" $secure_port {{ default "{secure}"; }}
  map $https $public_port {{ default "{plain}"; on "{secure}"; }}"""


def _maps(platform: Platform, http2: str) -> str:
    """Return what is looked up by the name, the scheme and the path of a request."""
    challenge = _CHALLENGE.replace('"', '"~', 1)
    return f"""  map $host $site {{ hostnames; default ""; include hosts.map; }}
  map $host $moved {{ hostnames; default ""; include redirects.map; }}
  map $host $found {{ hostnames; default ""; include temporary.map; }}
  map $site $subscription {{ default none; "~^(?<owner>s[0-9]+)-" $owner; }}
  map $subscription $rate {{ default 0; include rates.map; }}
  map $uri $known {{ default $site; {PROBE_PATH} $site; {challenge} any; }}
  map $uri $flag {{ default $subscription; {challenge} none; }}
  map $uri $site_flag {{ default $site; {challenge} none; }}
  map $uri $moved_here {{ default $moved; {challenge} ""; }}
  map $uri $found_here {{ default $found; {challenge} ""; }}
  map $https $plain_site {{ default $site; on ""; }}
  map $https $secure_site {{ default ""; on $site; }}
  map $plain_site $secure {{ default ""; include secure.map; }}
  map $secure_site $strict {{ default ""; include strict.map; }}
  map $uri $secure_here {{ default $secure; {challenge} ""; }}
{_ports(platform)}
{programs.maps(platform)}  map $site $logged {{ default $site; "" -; }}
"""


def configuration(platform: Platform, http2: str = "") -> str:
    """Return nginx.conf. It is the same whatever is hosted; what differs is in the included files.

    `http2` says how this nginx is told to speak it: "listen" or "on"; "" leaves https out.

    Included files are named relative to this one: the tree that was tested is the one that runs.
    """
    return f"""# Written by Freehold. Changes made here are overwritten.
{_user(platform)}daemon off;
worker_processes {platform.worker_processes};
worker_shutdown_timeout 60s;
pid {quoted(platform.run / "nginx.pid")};
error_log {quoted(platform.logs / "web" / "error.log")};
events {{ worker_connections 1024; }}
http {{
  types {{
{_types()}
  }}
  default_type application/octet-stream;
  charset utf-8;
  server_tokens off;
  sendfile on;
  absolute_redirect off;
  open_file_cache off;
  gzip on;
  gzip_types text/css text/plain text/xml text/javascript application/json image/svg+xml;
  gzip_vary on;
{_temporary(platform)}
  include sizes.conf;
  include serial.conf;
{_maps(platform, http2)}
  log_format sites '$logged $host $remote_addr $time_iso8601 $status $bytes_sent '
                   '$request_length "$request" "$http_referer" "$http_user_agent"';
  map $uri $is_visit {{ default 1; {PROBE_PATH} 0; }}
  access_log {quoted(platform.logs / "web" / "access.log")} sites if=$is_visit;
{_tls(platform, http2)}
{_servers(platform, http2)}  include own.conf;
}}
"""

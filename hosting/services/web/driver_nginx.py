"""nginx's configuration as text: one server block, and maps from names to sites.

The only place where text becomes configuration. Whatever does not fit the grammar is refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError, is_host_name
from hosting.services.web import driver_php as php
from hosting.services.web.driver_desired import Site, Web, address
from hosting.services.web.driver_pages import UNAVAILABLE

# The host that the agent asks which configuration the running workers have read. Names below
# .invalid are nobody's for ever.
PROBE_HOST = "freehold-probe.invalid"
CHALLENGES = "/.well-known/acme-challenge/"
# A file among the challenges: it answers for every name that is hosted, shut or not.
PROBE_PATH = CHALLENGES + "freehold-probe"

_SITE = re.compile(r"s[1-9][0-9]{0,18}-[1-9][0-9]{0,18}", re.ASCII)
_HARMLESS = re.compile(r"[^\x00-\x1f\x7f\"'\\$]+")

TYPES = {
    "text/html": "html htm shtml",
    "text/css": "css",
    "text/xml": "xml",
    "text/plain": "txt md",
    "text/csv": "csv",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/vtt": "vtt",
    "text/javascript": "js mjs",
    "image/gif": "gif",
    "image/jpeg": "jpeg jpg",
    "image/png": "png",
    "image/avif": "avif",
    "image/webp": "webp",
    "image/svg+xml": "svg svgz",
    "image/tiff": "tif tiff",
    "image/bmp": "bmp",
    "image/x-icon": "ico",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "font/ttf": "ttf",
    "font/otf": "otf",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/atom+xml": "atom",
    "application/rss+xml": "rss",
    "application/wasm": "wasm",
    "application/pdf": "pdf",
    "application/rtf": "rtf",
    "application/epub+zip": "epub",
    "application/zip": "zip",
    "application/gzip": "gz tgz",
    "application/x-7z-compressed": "7z",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg oga opus",
    "audio/mp4": "m4a",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "video/mp4": "mp4 m4v",
    "video/webm": "webm",
    "video/quicktime": "mov",
}

_HEADERS = (
    'add_header X-Content-Type-Options "nosniff" always;',
    'add_header X-Frame-Options "SAMEORIGIN" always;',
    'add_header Referrer-Policy "strict-origin-when-cross-origin" always;',
)


def refused(what: object) -> AgentError:
    """Return the error for text that has no place in a configuration."""
    return AgentError("invalid", f"not fit for the web server's configuration: {str(what)[:80]!r}")


def quoted(value: object) -> str:
    """Return a quoted string. nginx has no way to write a dollar sign: it is refused."""
    if not _HARMLESS.fullmatch(str(value)):
        raise refused(value)
    return f'"{value}"'


def site_key(subscription: int, site: int) -> str:
    """Return a site's name on disk and in the maps. The delimiter keeps s1 apart from s12."""
    return f"s{subscription}-{site}"


def _key(name: str) -> str:
    plain = name[2:] if isinstance(name, str) and name.startswith("*.") else name
    if not is_host_name(plain) or len(name) > 253:
        raise refused(name)
    return name


def host_line(name: str, key: str) -> str:
    """Return the line of hosts.map that gives a name to a site."""
    if not isinstance(key, str) or not _SITE.fullmatch(key):
        raise refused(key)
    return f"{_key(name)} {key};\n"


def redirect_line(name: str, target: str) -> str:
    """Return the line of a map that leads a name elsewhere.

    The address of a site alone keeps the path and the query that were asked for; one with a path
    is where everything leads. The variable is put in here, and nowhere else: `quoted` refuses any.
    """
    site, rest = address(target)
    if rest:
        return f"{_key(name)} {quoted(site + rest)};\n"
    return f'{_key(name)} {quoted(site)[:-1]}$request_uri";\n'


@dataclass(frozen=True)
class Lines:
    """One subscription's part of the maps: hosts, what moved for good (301), and for now (302),
    and how much a connection gets."""

    hosts: str = ""
    redirects: str = ""
    temporary: str = ""
    rates: str = ""
    names: int = 0
    longest: int = 0


def lines(subscription: int, web: Web, platform: Platform) -> Lines:
    """Return the lines that a subscription's sites have in the maps."""
    default = {"http": 80, "https": 443}[platform.public_scheme]
    port = "" if platform.public_port == default else f":{platform.public_port}"
    hosts: list[str] = []
    leading: dict[int, list[str]] = {301: [], 302: []}
    for site in web.sites:
        key = site_key(subscription, site.id)
        # Names that lead elsewhere stand here too: so they are shut with their site.
        hosts += [host_line(name, key) for name in site.all_names]
        if site.state == "disabled":
            continue
        for name, to in _leads(site):
            leading[301].append(redirect_line(name, f"{platform.public_scheme}://{to}{port}"))
        if site.forward:
            to = site.forward.to
            leading[site.forward.code] += [redirect_line(name, to) for name in site.names]
    return Lines(
        hosts="".join(hosts),
        redirects="".join(leading[301]),
        temporary="".join(leading[302]),
        rates=f"s{subscription:d} {web.rate:d}k;\n" if web.rate else "",
        names=len(hosts),
        longest=max((len(line) for line in hosts), default=0),
    )


def _leads(site: Site) -> list[tuple[str, str]]:
    """Return which names of a site lead to which other ones of it."""
    return [*((name, site.names[0]) for name in site.redirects), *site.moves]


def sizes(names: int, longest: int) -> str:
    """Return the sizes of nginx's hash tables, which have to grow with what they hold."""
    table = 2048
    while table < 2 * names:
        table *= 2
    # One element: a pointer, a length, the name; and a bucket ends with a pointer.
    bucket = 128
    while bucket < longest + 32:
        bucket += 64
    return f"map_hash_max_size {table};\nmap_hash_bucket_size {bucket};\n"


def serial(number: int) -> str:
    """Return the line by which the workers tell which configuration they have read."""
    return f'map "" $serial {{ default "{number:d}"; }}\n'


def _types() -> str:
    return "\n".join(f"    {kind} {endings};" for kind, endings in TYPES.items())


def _user(platform: Platform) -> str:
    return f"user {quoted(platform.web_user)};\n" if platform.web_user else ""


def _temporary(platform: Platform) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(f"  {kind}_temp_path {quoted(platform.run / kind)};" for kind in kinds)


def _gate(web: Path) -> str:
    """Return what decides, in this order: nobody's name, shut, leads elsewhere.

    Challenges always answer, so that a certificate does not run out while a site is shut.
    """
    return f"""
    if ($site = "") {{ return 404; }}
    if (-f {quoted_variable(web / "susp", "$flag")}) {{ return 503; }}
    if (-f {quoted_variable(web / "susp", "$site_flag")}) {{ return 503; }}
    if ($moved_here) {{ return 301 $moved_here; }}
    if ($found_here) {{ return 302 $found_here; }}
"""


def quoted_variable(directory: Path, variable: str) -> str:
    """Return a quoted path that ends with a variable whose values are ours alone."""
    return quoted(directory)[:-1] + f'/{variable}"'


def _server(platform: Platform) -> str:
    web = platform.web
    headers = "\n    ".join(_HEADERS)
    directory = php.directories(platform)
    scripts = quoted_variable(directory, "$site") if directory else None
    return f"""
  server {{
    listen {platform.address}:{platform.port} default_server;
    server_name "";
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
      disable_symlinks {platform.symbolic_links};
      types {{ }}
      default_type text/plain;
    }}
    location ~ "/\\.(?!well-known/)" {{ return 403; }}
    {php.locations(scripts, platform.symbolic_links)}
    location / {{
      disable_symlinks {platform.symbolic_links} from=$document_root;
      try_files $uri $uri/ =404;
    }}
    # A named location: the gate above would run again for any other, and shut this page too.
    location @suspended {{
      default_type "text/html; charset=utf-8";
      {headers}
      add_header Retry-After 3600 always;
      add_header Cache-Control no-store always;
      return 503 {quoted(UNAVAILABLE)};
    }}
  }}
  server {{
    listen {platform.address}:{platform.port};
    server_name {PROBE_HOST};
    access_log off;
    allow 127.0.0.1;
    deny all;
    default_type text/plain;
    location = / {{ return 200 $serial; }}
  }}
"""


def configuration(platform: Platform) -> str:
    """Return nginx.conf. It is the same whatever is hosted; what differs is in the included files.

    Included files are named relative to this one: the tree that was tested is the one that runs.
    """
    challenge = r'"~^/\.well-known/acme-challenge/[A-Za-z0-9_-]+$"'
    return f"""# Written by Freehold. Changes made here are overwritten.
{_user(platform)}daemon off;
worker_processes {platform.worker_processes};
worker_shutdown_timeout 60s;
pid {quoted(platform.run / "nginx.pid")};
error_log {quoted(platform.logs / "error.log")};
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
  map $host $site {{ hostnames; default ""; include hosts.map; }}
  map $host $moved {{ hostnames; default ""; include redirects.map; }}
  map $host $found {{ hostnames; default ""; include temporary.map; }}
  map $site $subscription {{ default none; "~^(?<owner>s[0-9]+)-" $owner; }}
  map $subscription $rate {{ default 0; include rates.map; }}
  map $uri $flag {{ default $subscription; {challenge} none; }}
  map $uri $site_flag {{ default $site; {challenge} none; }}
  map $uri $moved_here {{ default $moved; {challenge} ""; }}
  map $uri $found_here {{ default $found; {challenge} ""; }}
  map $site $logged {{ default $site; "" -; }}
  log_format sites '$logged $host $remote_addr $time_iso8601 $status $bytes_sent $request_length '
                   '"$request" "$http_referer" "$http_user_agent"';
  map $uri $is_visit {{ default 1; {PROBE_PATH} 0; }}
  access_log {quoted(platform.logs / "access.log")} sites if=$is_visit;
{_server(platform)}}}
"""

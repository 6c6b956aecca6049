"""PHP in nginx's configuration: which requests are php-fpm's, and what it is told of them.

A site has PHP where there is a directory by its key, with a socket in it: a link that the PHP
driver makes. So PHP comes, goes and changes its version without a reload of nginx, and a site
without it never shows its code.
"""

from pathlib import Path

from hosting.agent.platform import Platform

# The longest that PHP may be let run is an hour (see the PHP service); php-fpm ends it then.
_PATIENCE = "3700s"
_LARGEST = "1024m"

_PARAMETERS = (
    ("QUERY_STRING", "$query_string"),
    ("REQUEST_METHOD", "$request_method"),
    ("CONTENT_TYPE", "$content_type"),
    ("CONTENT_LENGTH", "$content_length"),
    ("SCRIPT_FILENAME", "$realpath_root$fastcgi_script_name"),
    ("SCRIPT_NAME", "$fastcgi_script_name"),
    ("PATH_INFO", "$path_info"),
    ("REQUEST_URI", "$request_uri"),
    ("DOCUMENT_URI", "$document_uri"),
    ("DOCUMENT_ROOT", "$realpath_root"),
    ("SERVER_PROTOCOL", "$server_protocol"),
    ("REQUEST_SCHEME", "$scheme"),
    ("HTTPS", "$https if_not_empty"),
    ("GATEWAY_INTERFACE", "CGI/1.1"),
    ("SERVER_SOFTWARE", "nginx"),
    ("REMOTE_ADDR", "$remote_addr"),
    ("REMOTE_PORT", "$remote_port"),
    ("SERVER_ADDR", "$server_addr"),
    ("SERVER_PORT", "$server_port"),
    ("SERVER_NAME", "$host"),
    ("REDIRECT_STATUS", "200"),
    # A header of the visitor's, "Proxy", would be taken for the one of the environment.
    ("HTTP_PROXY", '""'),
)


def directories(platform: Platform) -> Path | None:
    """Return where sites' directories are, by their keys; None where nothing runs PHP."""
    is_there = any(name.startswith("php-fpm") for name in platform.programs)
    return platform.run / "php" if platform.isolates and is_there else None


def index(directory: str | None) -> str:
    """Return which file a directory is answered with. `directory`: a quoted path with $site."""
    if directory is None:
        return "index index.html index.htm;"
    # Asked here and not in the location, where links are refused: this one is the agent's own.
    return f"""set $first index.html;
    if (-d {directory}) {{ set $first index.php; }}
    index $first index.html index.htm;"""


def locations(directory: str | None, links: str) -> str:
    """Return what answers for scripts. `links`: what refuses links here."""
    # However it is spelled: code is run or refused, and never shown.
    refused = 'location ~* "\\.(?:php[0-9s]?|phtml|phar)(?:/|$)" { return 403; }'
    if directory is None:
        return refused
    passed = "\n      ".join(f"fastcgi_param {name} {value};" for name, value in _PARAMETERS)
    return f"""location ~ "\\.php(?:/|$)" {{
      if ($first != index.php) {{ return 403; }}
      {links}
      fastcgi_split_path_info "^(.+?\\.php)(/.*)$";
      # try_files forgets what stood behind the script's name.
      set $path_info $fastcgi_path_info;
      try_files $fastcgi_script_name =404;
      client_max_body_size {_LARGEST};
      {passed}
      fastcgi_read_timeout {_PATIENCE};
      fastcgi_pass "unix:{directory[1:-1]}/fpm.sock";
    }}
    {refused}"""

"""The two pages that the web driver shows by itself."""

import html

# By this, tests and monitoring tell our page from a 503 of somebody else's.
MARKER = "freehold:unavailable"

# It tells no cause: that is between the subscriber and the provider. Apostrophes, double quotes
# and dollar signs cannot stand in nginx's configuration, where this text goes.
UNAVAILABLE = (
    "<!DOCTYPE html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content=width=device-width>"
    f"<meta name=robots content=noindex><!-- {MARKER} -->"
    "<title>Site unavailable</title>"
    "<style>:root{color-scheme:light dark}body{font:1.125rem/1.6 system-ui,sans-serif;"
    "max-width:32rem;margin:20vh auto;padding:0 1.5rem}h1{font-size:1.75rem}</style>"
    "<h1>This site is unavailable</h1><p>Please try again later.</p></html>"
)

_WELCOME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c2733; --soft: #55636f; --page: #f4f6f8;
  --card: #ffffff; --line: #dde3e8; --accent: #2f6f8f; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e8edf1; --soft: #a3b0bb; --page: #12181e;
  --card: #1a222a; --line: #2c3741; --accent: #7fbbd8; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--page); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 36rem; padding: 3rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--accent); border-radius: .5rem; }}
h1 {{ margin: 0 0 1rem; font-size: clamp(1.5rem, 6vw, 2.25rem); line-height: 1.2;
  overflow-wrap: anywhere; }}
p {{ margin: 0 0 .75rem; color: var(--soft); }}
p:last-child {{ margin: 0; }}
code {{ color: var(--accent); }}
@media (max-width: 30rem) {{ main {{ padding: 2rem 1.5rem; }} }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>This website is ready, and waits for its first pages.</p>
<p>If it is yours: upload your files to <code>{folder}</code>. Replace <code>index.html</code>,
and this page is gone.</p>
</main>
</body>
</html>
"""


def welcome(title: str, folder: str) -> bytes:
    """Return the first page of a new site. It is the tenant's to replace."""
    page = _WELCOME.format(title=html.escape(title), folder=html.escape(folder))
    return page.encode()

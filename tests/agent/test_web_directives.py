"""Directives of a site's own: read as nginx reads them, written quoted, and only what is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.platform import embedded
from hosting.agent.protocol import AgentError
from hosting.services.web import driver_desired, driver_maps, driver_nginx
from hosting.services.web.driver_directives import RULES, checked
from hosting.services.web.driver_grammar import BadText, Directive, parse, serialize
from tests.agent.fakes import site
from tests.agent.test_web_maps import hostile, statements

PLATFORM = embedded("/srv/freehold", 8480, "/usr/sbin/nginx", https_port=8443)
SOUND = r"""
# What shops need.
location ~* \.(?:css|js)$ { expires 30d; add_header Cache-Control "public, max-age=1"; }
location /old/ { rewrite ^/old/(.*)$ /new/$1 permanent; }
if ($http_user_agent ~ "bad\"bot") { return 403; }
error_page 404 /404.html;
client_max_body_size 64m;
"""
words = st.text(
    alphabet=st.one_of(st.sampled_from("ab;{}\"'\\$# "), st.characters(codec="utf-8")), max_size=20
).filter(str.isprintable)
leaves = st.builds(
    Directive, st.sampled_from(sorted(RULES)), st.lists(words, max_size=3).map(tuple)
)
trees = st.lists(
    st.recursive(
        leaves,
        lambda inner: st.builds(
            Directive,
            st.sampled_from(sorted(RULES)),
            st.lists(words, max_size=3).map(tuple),
            st.lists(inner, max_size=3).map(tuple),
        ),
        max_leaves=6,
    ),
    max_size=4,
).map(tuple)


def plain(directives):
    """Trees without line numbers."""
    return tuple(
        Directive(one.name, one.arguments, None if one.block is None else plain(one.block))
        for one in directives
    )


@given(trees)
def test_what_is_written_reads_back_as_it_was_meant(tree):
    try:
        found = parse(serialize(tree))
    except BadText as error:
        if "too deep" in str(error):
            return
        raise
    assert plain(found) == plain(tree)


@given(hostile)
def test_any_text_is_refused_or_has_balanced_braces_however_it_is_read(text):
    try:
        tree = parse(text)
    except BadText:
        return
    depth = 0
    for statement in statements(serialize(tree)):
        depth += {"{": 1, "}": -1}.get(statement[-1], 0)
        assert depth >= 0
    assert depth == 0


@given(hostile)
def test_any_text_as_an_argument_stays_one_argument(text):
    tree = (Directive("return", ("200", text)), Directive("index", ("a",)))
    if not text.isprintable():
        return
    assert plain(parse(serialize(tree))) == tree


def test_sound_directives_are_taken():
    found = checked(SOUND)
    assert [one.name for one in found] == [
        *("location", "location", "if", "error_page", "client_max_body_size")
    ]
    assert found[2].arguments == ("($http_user_agent", "~", 'bad"bot', ")")


@pytest.mark.parametrize(
    "text",
    [
        "include /etc/passwd;",
        "load_module x.so;",
        "user root;",
        "root /etc;",
        "location / { root /srv/freehold/homes/s43; }",
        "location / { alias /etc/; }",
        "access_log /tmp/x;",
        "error_log /tmp/x;",
        "proxy_pass http://127.0.0.1:8400;",
        "location / { proxy_pass http://unix:/run/agent.sock; }",
        "fastcgi_pass unix:/run/php/s43.sock;",
        "auth_basic_user_file /etc/shadow;",
        "perl_set $x 'sub {}';",
        "js_content x;",
        "content_by_lua 'x';",
        "ssi on;",
        "disable_symlinks off;",
        "listen 80;",
        "server_name bert.example;",
        "ssl_certificate /x;",
        "limit_rate 0;",
        "keyval_zone zone=x:1m;",
        "echo x;",
        "set $site s43-8;",
        "set $flag none;",
        "set $rate 0;",
        "location ~ ^/(?<site>.*)$ { return 200; }",
        "location ~ ^/(?P<flag>.*)$ { return 200; }",
        "rewrite ^/(?'site'.*)$ /x;",
        "return 200 $site;",
        "return 200 $ssl_server_name;",
        "return 200 ${certificate};",
        "add_header X $upstream_addr;",
        "if (-f /etc/shadow) { return 200; }",
        "if (!-d /srv/freehold/homes/s43) { return 200; }",
        "if (-f $document_root/../../s43/x) { return 200; }",
        "try_files /../../s43/x =404;",
        "try_files $uri @suspended;",
        "error_page 503 /x;",
        "error_page 404 @suspended;",
        "location @suspended { return 200; }",
        "location /.well-known/acme-challenge/x { return 200; }",
        "location = /.well-known/acme-challenge/x { return 200; }",
        "location ^~ /.WELL-KNOWN/acme-challenge { return 200; }",
        "index ../x;",
        "allow unix:;",
        "client_max_body_size 0;x",
        "client_max_body_size 2000m;",
        "location / { return 200;",
        "location / { return 200; } }",
        "} server { listen 81;",
        'return 200 "x;',
        'return 200 "x"y;',
        "return 200",
        "return;",
        "return 200 a b;",
        "return { }",
        "location /;",
        ";",
        "{ }",
        "return 200 'a\nb';",
        "return 200 a\x00b;",
        "if (1) { if (1) { if (1) { if (1) { if (1) { break; } } } } }",
        "break;" * 500,
        "#" + "x" * 20_000,
        7,
        None,
    ],
)
def test_what_is_not_for_sites_is_refused(text):
    given = site(7, "anna.example", directives=text)
    with pytest.raises(AgentError):
        driver_desired.parse({"sites": [given]})


def test_a_site_with_directives_has_a_server_with_the_same_gate_before_them():
    given = site(7, "anna.example", redirects=["old.example"], directives=SOUND)
    web = driver_desired.parse({"sites": [given]})
    lines = driver_maps.lines(42, web, PLATFORM)
    assert [key for key, _site, _has_mail in lines.own] == ["s42-7"]
    text = driver_nginx.own_server(PLATFORM, "on", *lines.own[0])
    found = statements(text)
    assert ["server_name", "anna.example", "old.example", ";"] in found
    gate = next(at for at, words in enumerate(found) if words[1:2] == ["($known"])
    theirs = found.index(["if", "($http_user_agent", "~", 'bad\\"bot', ")", "{"])
    assert gate < found.index(["break", ";"]) < theirs
    # The document root, and who may be led where, are those of every site.
    assert [words for words in found if words[0] == "root"] == [
        ["root", "/srv/freehold/web/sites/$site", ";"],
        ["root", "/srv/freehold/web/acme", ";"],
    ]
    own = [at for at, words in enumerate(found) if words[:2] == ["location", "~*"]]
    css = next(at for at in own if "css" in found[at][2])
    assert found[css + 1] == ["disable_symlinks", "on", "from=$document_root", ";"]
    assert found[css + 2][0] == "if"
    disabled = driver_desired.parse({"sites": [given | {"state": "disabled"}]})
    assert driver_maps.lines(42, disabled, PLATFORM).own == ()

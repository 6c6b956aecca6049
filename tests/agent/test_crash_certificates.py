"""The agent dies at its first, second, third, ... mutating call while certificates, answers to
authorities and a site's own directives change; the next one completes it."""

import pytest

from hosting.agent.platform import embedded
from hosting.services.web import driver_certificates
from tests.agent.fakes import Agent, Died, DyingHost, FakeNginx, site, subscription
from tests.hosting.certificates import a_pair

TOKEN, OTHER = "t" * 32, "u" * 32
ANSWER = f"{TOKEN}.{'k' * 43}"
BERT = site(8, "bert.example")
PAIRS = {name: "".join(a_pair(f"{name}.example")) for name in ("own", "anna", "anew", "bert")}


def certificate(pair, name="anna.example"):
    return {"id": 1, "names": [name], "pair": PAIRS[pair]}


def anna(generation, pair=None, challenges=(), directives=None):
    """Anna's subscription, with what is given of each."""
    about = site(7, "anna.example")
    about |= {"certificate": 1} if pair else {}
    about |= {"directives": directives} if directives else {}
    found = subscription(42, generation, about)
    found["web"] |= {"certificates": [certificate(pair)]} if pair else {}
    found["web"] |= {"challenges": [list(each) for each in challenges]}
    return found


def bert():
    """The neighbour, who has a certificate and is asked something too."""
    found = subscription(43, 1, BERT | {"certificate": 1})
    found["web"] |= {
        "certificates": [certificate("bert", "bert.example")],
        "challenges": [[OTHER, f"{OTHER}.{'k' * 43}"]],
    }
    return found


# Before, and what it is changed into.
STEPS = {
    "a new certificate": (anna(7), anna(8, "anna")),
    "another certificate": (anna(7, "anna"), anna(8, "anew")),
    "no certificate any more": (anna(7, "anna"), anna(8)),
    "all of it removed": (anna(7, "anna"), subscription(42, 8, present=False)),
    "a challenge": (anna(7), anna(8, challenges=[(TOKEN, ANSWER)])),
    "a challenge that is over": (anna(7, challenges=[(TOKEN, ANSWER)]), anna(8)),
    "directives": (anna(7), anna(8, directives="expires 1h;")),
    "other directives": (anna(7, directives="expires 1h;"), anna(8, directives="expires 2h;")),
    "no directives any more": (anna(7, directives="expires 1h;"), anna(8)),
}


def prepared(directory, before):
    platform = embedded(directory, 8480, "/nowhere/nginx", https_port=8443)
    for each in (platform.homes, platform.run, platform.logs, platform.web):
        each.mkdir(parents=True)
    # The node's own, which openssl would make.
    pairs = driver_certificates.directory(platform)
    pairs.mkdir()
    (pairs / "own.pem").write_text(PAIRS["own"])
    nginx = FakeNginx(platform)
    agent = Agent(nginx)
    agent.applier.settle()
    lines, _sum = agent.desired(before, bert())
    assert all(line["ok"] for line in lines.values()), lines
    return nginx


def kept(nginx):
    """Certificates, answers, and the configuration that nginx is to have: path and text."""
    web = nginx.platform.web
    current = (web / "current").resolve()
    found = {}
    for top in (driver_certificates.directory(nginx.platform), web / "acme", current):
        for path in sorted(each for each in top.rglob("*") if each.is_file()):
            place = path.relative_to(current) if top == current else path.relative_to(web)
            if place.name != "serial.conf":
                found[str(place)] = path.read_text().replace(str(nginx.platform.node), "")
    return found


def of_bert(found):
    """What of it is the neighbour's alone."""
    return {name: text for name, text in found.items() if "s43-" in name or OTHER in name}


def is_whole(nginx):
    """Each name leads to a certificate that is there as it was given, old or new."""
    known = set(PAIRS.values())
    serving = driver_certificates.serving(nginx.platform)
    return all(path.read_text() in known for path in serving.values())


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_anywhere_shows_no_half_certificate_and_is_completed(tmp_path, step):
    before, after = STEPS[step]
    reference = prepared(tmp_path / "reference", before)
    old = kept(reference)
    untouched = Agent(reference)
    untouched.applier.settle()
    untouched.desired(after)
    new = kept(reference)
    assert old != new
    assert of_bert(old) == of_bert(new) != {}
    last = deaths = 0
    while deaths == last:
        last += 1
        nginx = prepared(tmp_path / str(last), before)
        try:
            dying = Agent(nginx, DyingHost(nginx.platform.node, nginx, nginx.platform, last=last))
            dying.applier.settle()
            dying.desired(after)
        except Died:
            deaths += 1
        nginx.lose_power()
        assert is_whole(nginx), last
        assert nginx.answer("bert.example")[0] == 200
        assert of_bert(kept(nginx)) == of_bert(old)
        heir = Agent(nginx)
        heir.applier.settle()
        assert is_whole(nginx), last
        heir.desired(after)
        assert kept(nginx) == new, last
        heir.host.calls = 0
        heir.desired(after)
        assert heir.host.calls == 0
    assert deaths > 1

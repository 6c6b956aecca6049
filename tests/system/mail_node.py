"""A node with two tenants that have mail."""

import bcrypt

from tests.system.conftest import wait_until
from tests.system.mailing import Programs

ANNA, BERT = 901_001, 901_002
WORDS = "correct horse battery"
HASH = bcrypt.hashpw(WORDS.encode(), bcrypt.gensalt(4)).decode()
ANNAS, SECOND, BERTS = "anna@anna.example", "second@anna.example", "bert@bert.example"


def box(number, address, **more):
    local, _at, domain = address.partition("@")
    about = {"id": number, "local": local, "domain": domain, "password": HASH, "on": True}
    return about | more


class Mail:
    """A node with two tenants that have mail."""

    def __init__(self, node):
        self.node, self.generation = node, 0
        self.programs = Programs(node.mail_ports)
        self.begin()

    def begin(self):
        """What both have to begin with."""
        self.boxes = {
            ANNA: [box(1, ANNAS, aliases=["sales"]), box(2, SECOND)],
            BERT: [box(3, BERTS)],
        }
        self.domains = {
            ANNA: [{"name": "anna.example", "here": True, "aliases": ["anna-too.example"]}],
            BERT: [{"name": "bert.example", "here": True}],
        }
        self.incoming = "defer"
        self.outgoing = {"mailbox": 0, "subscription": 0}
        self.keys = {ANNA: [], BERT: []}
        self.held = set()

    def frame(self, number, state="open", present=True):
        self.generation += 1
        frame = {"id": number, "generation": self.generation, "present": present, "state": state}
        if not present:
            return frame
        mail = {
            "domains": self.domains[number],
            "mailboxes": self.boxes[number],
            "incoming": self.incoming,
            "outgoing": self.outgoing,
            "keys": self.keys[number],
            "held": number in self.held,
        }
        return frame | {
            "system": {"user": f"fh-{number}", "access": "none", "keys": []},
            "mail": mail,
        }

    def apply(self, *numbers):
        return self.node.applied(*[self.frame(number) for number in numbers or (ANNA, BERT)])

    def switch(self, number, state):
        self.generation += 1
        self.node.client.switch([(number, self.generation, state)])


def begin(node, *more):
    """Start an agent and wait for mail: the machine itself knows none of these users."""
    node.launch(*more)
    wait_until(lambda: serves(node), "mail is served")


def serves(node):
    return "mail" not in node.client.hello()["problems"]

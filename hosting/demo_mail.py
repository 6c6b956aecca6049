"""Mailboxes of the example data: of whom, and what each is for. Only data."""

# The domain that has them, and the name of the one that `make run` shows the password of.
DOMAIN, SHOWN = "bergs-bageri.localhost", "info"
ADDRESS = f"{SHOWN}@{DOMAIN}"
# One that is switched off between the seasons.
OFF = "sommar"
MAILBOXES = (
    {
        "local": SHOWN,
        "aliases": "hej\nanna",
        "size": 2048,
        "is_catch_all": True,
    },
    {
        "local": "order",
        "forwards": f"{SHOWN}@{DOMAIN}",
        "keeps": True,
        "size": 500,
        "reply_subject": "Tack för din beställning",
        "reply_text": "Vi har fått ditt brev och svarar före stängningsdags.\n\nBergs Bageri",
    },
    {"local": OFF, "size": 500},
)

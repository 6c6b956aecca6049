"""Sieve scripts (RFC 5228): the one place where text becomes one, and the few there are."""

from hosting.services.mail.driver_desired import Reply

# What a filter in front of the node marked goes where it is not in the way.
SPAM = """\
require ["fileinto", "mailbox"];
if header :contains "X-Spam-Flag" "YES" {
    fileinto :create "Junk";
    stop;
}
"""
# In the place of a script that a mailbox's owner could bring along.
NOTHING = "keep;\n"
# Each sender hears it once in so many days.
_DAYS = 1


def quoted(text: str) -> str:
    """Return a quoted string. ValueError: a control character other than the end of a line."""
    if not all(char.isprintable() or char == "\n" for char in text):
        raise ValueError("a control character in a sieve script")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.replace("\n", "\r\n")


def autoresponder(reply: Reply, addresses: tuple[str, ...]) -> str:
    """Return the script that answers mail for any of these addresses."""
    listed = ", ".join(map(quoted, addresses))
    return (
        'require ["vacation"];\r\n'
        f"vacation :days {_DAYS} :addresses [{listed}] :subject {quoted(reply.subject)}"
        f" {quoted(reply.text)};\r\n"
    )

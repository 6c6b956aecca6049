"""A small server of mail for where Postfix and Dovecot cannot be: without root, tenants one uid.

For `make run` and development, on loopback. It asks the same tables. Started by the agent as a
program of its own, so it may use what the agent may not: aiosmtpd and pymap.
"""

import argparse
import asyncio
import logging
import os
import sys
import warnings
from pathlib import Path

from hosting import selfsigned
from hosting.agent.platform import SMALL_MAIL_PORTS
from hosting.services.mail import serving_smtp
from hosting.services.mail.serving_boxes import Boxes
from hosting.services.mail.serving_imap import ImapServer
from hosting.services.mail.serving_letters import Letters
from hosting.services.mail.serving_tables import Tables
from hosting.services.web.named_contexts import NamedContexts


async def _serve(given: argparse.Namespace) -> None:
    """Serve; where a part of it ends, all of it ends, and the agent starts it again."""
    database = Path(given.database)
    tables, boxes = Tables(database), Boxes(Path(given.homes))
    traffic = Path(given.traffic)
    letters = Letters(tables, boxes, database.parent, traffic)
    own = selfsigned.certificate(database.parent / "tls.pem")
    context = NamedContexts(Path(given.web), Path(own)).own
    ports = {name: getattr(given, f"{name}_port") for name in SMALL_MAIL_PORTS}
    imap = ImapServer(tables, boxes, context, traffic)
    servers = [await imap.listen(given.address, ports["imaps"])]
    servers += await serving_smtp.listen(tables, letters, context, given.address, ports)
    await asyncio.gather(imap.watch(), *(server.serve_forever() for server in servers))


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("database", "homes", "address", "traffic", "web"):
        parser.add_argument(f"--{name}", required=True)
    for name in SMALL_MAIL_PORTS:
        parser.add_argument(f"--{name}-port", type=int, required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # Of clients that come and go they say a lot there.
    for name in ("mail.log", "pymap"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # That a password needs TLS first is true of `submissions` as well, which aiosmtpd cannot know.
    warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS", UserWarning)
    os.umask(0o077)
    asyncio.run(_serve(given))


if __name__ == "__main__":
    main()

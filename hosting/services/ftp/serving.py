"""A small server of FTP and SFTP for where ProFTPD cannot be: without root, all tenants one uid.

For `make run` and development, on loopback. It asks the same tables as ProFTPD does. Started by the
agent as a program of its own, so it may use what the agent may not: pyftpdlib and asyncssh.
"""

import argparse
import asyncio
import logging
import os
import sys
import threading
import traceback
from pathlib import Path

from hosting.services.ftp import serving_ftp, serving_keys, serving_sftp
from hosting.services.ftp.serving_accounts import Accounts


def _serve_ftp(server: serving_ftp.Server) -> None:
    """Serve FTP; where that ends, all of it ends, and the agent starts it again."""
    try:
        server.serve_forever(handle_exit=False)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("database", "homes", "address", "traffic", "web"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("ftp-port", "sftp-port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # Of clients that come and go it says a lot there.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    os.umask(0o022)
    database = Path(given.database)
    homes = os.open(given.homes, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    accounts = Accounts(database, homes, given.homes)
    certificate, traffic = serving_keys.certificate(database.parent), Path(given.traffic)
    host_key = serving_keys.host_key(database.parent)
    where = given.address, given.ftp_port
    ftp = serving_ftp.listen(accounts, certificate, *where, traffic, Path(given.web))
    threading.Thread(target=_serve_ftp, args=(ftp,), name="ftp", daemon=True).start()
    where = given.address, given.sftp_port
    asyncio.run(serving_sftp.serve(accounts, str(host_key), *where, traffic))


if __name__ == "__main__":
    main()

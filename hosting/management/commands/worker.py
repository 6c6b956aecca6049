"""Brings the servers up to what the panel says, and carries out what was queued."""

import logging
import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT. One for each node; a second one does no harm."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--node", default="", help="the node to serve; else the first")

    def handle(self, *args: Any, **options: Any) -> None:
        from hosting.worker import Worker, agent_socket

        worker = Worker(settings.DATA_DIR, agent_socket(), options["node"])
        for number in (signal.SIGTERM, signal.SIGINT):
            # From a thread of its own: the handler may interrupt this one while it holds a lock.
            signal.signal(number, lambda *_: threading.Thread(target=worker.stop).start())
        worker.run()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        # Whatever is still under way is in the database too; waiting for it would gain nothing.
        os._exit(0)

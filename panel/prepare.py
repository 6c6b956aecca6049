"""Brings the data to this version of the code before anything serves: schema, files, examples.

One process for all of it, as loading Django costs more than the work itself when nothing is new.
"""

import argparse
import os
import sys

import django
from django.core.management import call_command


def main() -> int:
    """Run the steps in order; the first that fails ends it with its traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="fill an empty panel with examples")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    if options.demo:
        call_command("demo")
    return 0


if __name__ == "__main__":
    sys.exit(main())

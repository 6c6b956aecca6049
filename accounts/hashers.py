"""Argon2id with parameters for a machine that also hosts sites."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class PanelArgon2(Argon2PasswordHasher):
    """19 MiB, two passes, one lane: the least that OWASP's password storage sheet accepts.

    Django's default takes 100 MiB and eight lanes for each login: eight people who log in at once
    would take 800 MiB from the sites.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

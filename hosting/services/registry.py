"""Which services there are: names only, in the order in which they are shown and applied.

Read before Django's apps are ready, and by the agent, which knows no Django.
"""

SERVICES = ("system", "php", "web", "dns", "database", "tls", "mail", "ftp", "cron")

"""The service plans of the demo: hosting plans, add-ons and reseller plans."""


def _space(disk: str, traffic: str, policy: str = "space") -> dict[str, str]:
    return {"limit_disk": disk, "limit_traffic": traffic, "overuse_policy": policy}


# Provider -> plans: (name, description, domains, aliases, permissions, what else it says)
PLANS = {
    "admin": (
        (
            "Starter",
            "One site and two more names",
            1,
            2,
            ["manage_aliases"],
            _space("5 GiB", "50 GiB", "forbidden"),
        ),
        (
            "Business",
            "For companies with several sites",
            5,
            10,
            ["manage_aliases", "manage_domains", "manage_hosting"],
            _space("50 GiB", "500 GiB"),
        ),
        (
            "Trial",
            "Fourteen days to look around",
            1,
            0,
            [],
            {**_space("1 GiB", "10 GiB", "forbidden"), "validity_days": 14},
        ),
    ),
    "lindqvist": (
        (
            "Bas",
            "En webbplats",
            1,
            3,
            ["manage_aliases", "manage_cron", "manage_cron_commands"],
            _space("5 GiB", "100 GiB"),
        ),
    ),
    "okonkwo": (
        (
            "Shopfront",
            "Everything a small shop needs",
            2,
            5,
            ["manage_aliases", "manage_hosting"],
            _space("20 GiB", "200 GiB"),
        ),
    ),
}

# Provider -> add-ons: (name, description, what it adds).
ADDONS = {
    "admin": (
        ("Five more domains", "For those who grow", {"limit_domains": 5, "limit_aliases": 10}),
        ("More room", "For pictures and films", {"limit_disk": "25 GiB"}),
        ("Hosting settings", "Document roots of one's own", {"may_manage_hosting": True}),
    ),
    "lindqvist": (("Flera namn", "Tio alias till", {"limit_aliases": 10}),),
}
RESELLER_PLANS = (
    (
        "Agency",
        "For those who host their customers' sites",
        {
            "limit_customers": 25,
            "limit_subscriptions": 40,
            "limit_domains": 100,
            "limit_subdomains": 200,
            "limit_aliases": 200,
            "limit_disk": "500 GiB",
            "limit_traffic": "5 TiB",
            "may_oversell": True,
            "may_manage_aliases": True,
            "may_manage_cron": True,
            "may_manage_cron_commands": True,
            "may_manage_domains": True,
            "may_manage_hosting": True,
        },
    ),
    (
        "Studio",
        "For those who begin",
        {
            "limit_customers": 5,
            "limit_subscriptions": 5,
            "limit_domains": 10,
            "limit_subdomains": 20,
            "limit_aliases": 20,
            "limit_disk": "50 GiB",
            "limit_traffic": "500 GiB",
            "may_manage_aliases": True,
        },
    ),
)

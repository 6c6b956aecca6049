"""The service plans of the demo: hosting plans, add-ons and reseller plans."""

# Provider -> plans: (name, description, domains, aliases, permissions, validity)
PLANS = {
    "admin": (
        ("Starter", "One site and two more names", 1, 2, ["manage_aliases"], None),
        (
            "Business",
            "For companies with several sites",
            5,
            10,
            ["manage_aliases", "manage_domains", "manage_hosting"],
            None,
        ),
        ("Trial", "Fourteen days to look around", 1, 0, [], 14),
    ),
    "lindqvist": (("Bas", "En webbplats", 1, 3, ["manage_aliases"], None),),
    "okonkwo": (
        (
            "Shopfront",
            "Everything a small shop needs",
            2,
            5,
            ["manage_aliases", "manage_hosting"],
            None,
        ),
    ),
}

# Provider -> add-ons: (name, description, what it adds).
ADDONS = {
    "admin": (
        ("Five more domains", "For those who grow", {"limit_domains": 5, "limit_aliases": 10}),
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
            "may_manage_aliases": True,
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
            "may_manage_aliases": True,
        },
    ),
)

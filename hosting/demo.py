"""People and sites for a first look: made through the same operations as everything else."""

from dataclasses import dataclass, field
from typing import Any

from hosting.demo_extras import NEWSLETTER, TASK


@dataclass(frozen=True)
class Space:
    """A subscription to make: its domain, plan, aliases, and what becomes of it."""

    domain: str
    plan: str = ""
    addons: tuple[str, ...] = ()
    aliases: tuple[tuple[str, dict[str, Any]], ...] = ()
    # Additional domains, and subdomains of the main one.
    more: tuple[tuple[str, dict[str, Any]], ...] = ()
    below: tuple[tuple[str, dict[str, Any]], ...] = ()
    description: str = ""
    then: tuple[tuple[str, dict[str, Any]], ...] = ()
    # What its subscriber does about it: (operation, parameters).
    by_subscriber: tuple[tuple[str, dict[str, Any]], ...] = ()
    # What becomes of single sites: (domain, operation, parameters).
    sites: tuple[tuple[str, str, dict[str, Any]], ...] = ()


@dataclass(frozen=True)
class Person:
    """A customer or reseller to make, by username of the provider."""

    username: str
    name: str
    company: str
    email: str
    provider: str = "admin"
    description: str = ""
    contact: dict[str, str] = field(default_factory=dict)
    spaces: tuple[Space, ...] = ()
    then: tuple[tuple[str, dict[str, Any]], ...] = ()
    # What the administrator does besides, whose customer it may be.
    from_above: tuple[tuple[str, dict[str, Any]], ...] = ()
    # Additional users: (username, name, role, what else is said of them).
    users: tuple[tuple[str, str, str, dict[str, Any]], ...] = ()
    # A reseller's plan; "" is Custom plan.
    plan: str = "Agency"


def _at(phone: str, address: str, postal_code: str, city: str, country: str) -> dict[str, str]:
    return {
        "phone": phone,
        "address": address,
        "postal_code": postal_code,
        "city": city,
        "country": country,
    }


# Each by itself is allowed; that there are two of one location only the web server finds.
REFUSED = "location /archiv { deny all; }\nlocation /archiv { autoindex on; }\n"

RESELLERS = (
    Person(
        "lindqvist",
        "Sara Lindqvist",
        "Lindqvist Webbyrå AB",
        "sara@lindqvist.example",
        description="Agency in Gothenburg; pays yearly",
        contact=_at("+46 31 701 22 40", "Kungsgatan 14", "411 19", "Göteborg", "SE"),
        spaces=(Space("lindqvist.localhost", description="Her own site"),),
    ),
    Person(
        "okonkwo",
        "Chidi Okonkwo",
        "Northgate Digital Ltd",
        "chidi@northgate.example",
        description="Took over the accounts of Bluefin in March",
        contact=_at("+44 113 496 0155", "3 Canal Wharf", "LS11 5PS", "Leeds", "GB"),
        # Its plan promises its customers what it does not have, and it has one more than it may.
        then=(("customize", {"limit_customers": 2, "may_manage_hosting": False}),),
    ),
    Person(
        "tanaka",
        "Yuki Tanaka",
        "Tanaka Studio",
        "yuki@tanaka-studio.example",
        description="On parental leave until June; customers are to notice nothing",
        contact=_at("+81 75 555 0142", "Teramachi-dori 12", "604-0934", "Kyoto", "JP"),
        then=(
            (
                "suspend",
                {"kind": "other", "scope": "panel", "message": "Your panel rests as agreed."},
            ),
        ),
        plan="",
    ),
    Person(
        "moreau",
        "Claire Moreau",
        "Moreau Conseil",
        "claire@moreau-conseil.example",
        description="Gave up hosting, handed all customers over",
        then=(("remove", {}),),
    ),
)

CUSTOMERS = (
    Person(
        "anna.berg",
        "Anna Berg",
        "Bergs Bageri",
        "anna@bergs-bageri.example",
        "lindqvist",
        "Wants a shop in spring",
        _at("+46 31 12 55 90", "Linnégatan 48", "413 08", "Göteborg", "SE"),
        (
            Space(
                "bergs-bageri.localhost",
                "Bas",
                aliases=(
                    ("bergsbageri.localhost", {"mode": "redirect"}),
                    ("surdeg.localhost", {"mode": "same", "has_mail": False}),
                    ("bergs-bageri.example", {"mode": "redirect", "syncs_dns": False}),
                ),
                by_subscriber=(
                    ("add-scheduled-task", TASK),
                    ("add-scheduled-task", NEWSLETTER),
                ),
                below=(("meny", {}), ("order", {"document_root": "order"})),
                sites=(("meny.bergs-bageri.localhost", "suspend", {}),),
            ),
        ),
    ),
    Person(
        "jonas.ek",
        "Jonas Ek",
        "Ek & Söner Bygg",
        "jonas@ekbygg.example",
        "lindqvist",
        contact=_at("+46 31 68 00 12", "Backaplan 2", "417 05", "Göteborg", "SE"),
        spaces=(Space("ekbygg.localhost", "Bas"), Space("altaner.localhost", "Bas")),
        then=(("suspend", {"kind": "unpaid", "message": "Invoice 1042 is unpaid."}),),
    ),
    Person(
        "maja.holm",
        "Maja Holm",
        "",
        "maja.holm@post.example",
        "lindqvist",
        "Photographer, prefers phone calls",
        spaces=(
            Space(
                "majaholm.localhost",
                "Bas",
                then=(("suspend", {"kind": "unpaid", "message": "Invoice 1107 is unpaid."}),),
            ),
        ),
        from_above=(("customer.administrators-note", {"admin_note": "Asked us about a move"}),),
    ),
    Person(
        "lars.nygren",
        "Lars Nygren",
        "Nygren Foto",
        "lars@nygrenfoto.example",
        "lindqvist",
        spaces=(
            Space(
                "nygrenfoto.localhost",
                "Bas",
                description="New site opens in May",
                by_subscriber=(("switch-off", {}),),
            ),
        ),
    ),
    Person(
        "haruto",
        "Haruto Sato",
        "Sato Tea House",
        "haruto@sato-tea.example",
        "tanaka",
        spaces=(Space("sato-tea.localhost"),),
    ),
    Person(
        "priya",
        "Priya Raman",
        "Raman Textiles",
        "priya@ramantextiles.example",
        "okonkwo",
        contact=_at("+44 113 496 0733", "12 Kirkgate", "LS2 7DJ", "Leeds", "GB"),
        spaces=(
            Space(
                "ramantextiles.localhost",
                "Shopfront",
                aliases=(("raman-textiles.localhost", {}),),
                more=(("ramanfabrics.localhost", {}),),
            ),
        ),
    ),
    Person(
        "tom.hartley",
        "Tom Hartley",
        "Hartley Cycles",
        "tom@hartleycycles.example",
        "okonkwo",
        spaces=(
            Space(
                "hartleycycles.localhost",
                "Shopfront",
                then=(("suspend", {"kind": "abuse", "note": "Sends mail to bought lists"}),),
            ),
        ),
        # Two levels at once: neither lifts what the other set.
        from_above=(
            (
                "customer.suspend",
                {"kind": "abuse", "message": "Your provider knows more.", "note": "Case 3318"},
            ),
        ),
    ),
    Person(
        "bluefin",
        "Rebecca Stone",
        "Bluefin Charters",
        "office@bluefin.example",
        "okonkwo",
        "Moved from the old server, keep an eye on it",
        spaces=(
            Space("bluefin.localhost", "Shopfront"),
            Space("bluefin-kayak.localhost"),
            Space("bluefin-winter.localhost", then=(("remove", {}),)),
        ),
    ),
    Person(
        "weber",
        "Katharina Weber",
        "Weber Steuerberatung",
        "kanzlei@weber-steuer.example",
        description="Contract until 2028",
        contact=_at("+49 89 5550 174", "Rosenheimer Straße 5", "81667", "München", "DE"),
        spaces=(
            Space(
                "weber-steuer.localhost",
                "Business",
                aliases=(("steuerberatung-weber.localhost", {}),),
                below=(("karriere", {}), ("mandanten", {})),
                more=(
                    (
                        "weber-kanzlei.localhost",
                        {
                            "hosting_type": "forwarding",
                            "forward_to": "weber-steuer.localhost",
                        },
                    ),
                    ("weber-mail.localhost", {"hosting_type": "none"}),
                ),
                sites=(("mandanten.weber-steuer.localhost", "disable", {}),),
                addons=("Five more domains",),
            ),
            Space(
                "weber-archiv.localhost",
                "Business",
                description="Own directives came along from the old server",
                sites=(("weber-archiv.localhost", "directives", {"directives": REFUSED}),),
            ),
        ),
        users=(
            ("weber.web", "Jens Brandt", "webmaster", {"access": "some"}),
            ("weber.office", "Office Weber", "viewer", {}),
            ("weber.former", "Eva Lang", "owner", {"is_active": False}),
        ),
    ),
    Person(
        "dubois",
        "Émile Dubois",
        "Atelier Dubois",
        "emile@atelier-dubois.example",
        contact=_at("+33 4 72 55 01 60", "18 rue Mercière", "69002", "Lyon", "FR"),
        spaces=(
            Space(
                "atelier-dubois.localhost",
                "Starter",
                aliases=(
                    ("atelierdubois.localhost", {}),
                    ("ébéniste-lyon.localhost", {}),
                ),
                then=(("customize", {"limit_aliases": 1}),),
            ),
        ),
    ),
    Person(
        "kowalska",
        "Zofia Kowalska",
        "Kwiaciarnia Zofia",
        "zofia@kwiaciarnia.example",
        description="Trial since last month",
        spaces=(
            Space("kwiaciarnia.localhost", "Trial", then=(("set-expiry", {"expires_on": -9}),)),
        ),
    ),
    Person(
        "garcia",
        "Lucía García",
        "Librería El Faro",
        "lucia@elfaro.example",
        contact=_at("+34 958 550 173", "Calle Elvira 31", "18010", "Granada", "ES"),
        spaces=(
            Space(
                "libreria-elfaro.localhost",
                "Starter",
                sites=(
                    (
                        "libreria-elfaro.localhost",
                        "hosting-settings",
                        {"preferred_name": "www"},
                    ),
                ),
                then=(("set-expiry", {"expires_on": 11}),),
            ),
        ),
    ),
    Person(
        "jensen",
        "Mikkel Jensen",
        "Jensen Marine",
        "mikkel@jensenmarine.example",
        spaces=(
            Space(
                "jensenmarine.localhost",
                "Business",
                more=(
                    (
                        "jensen-boats.localhost",
                        {
                            "hosting_type": "forwarding",
                            "forward_to": "https://market.example/jensen",
                            "forward_code": "302",
                        },
                    ),
                ),
            ),
        ),
        then=(("suspend", {"kind": "other", "message": "At your own request, until May."}),),
    ),
    Person(
        "rossi",
        "Paolo Rossi",
        "Trattoria Rossi",
        "paolo@trattoria-rossi.example",
        description="Closed for good in autumn",
        spaces=(Space("trattoria-rossi.localhost", "Starter"),),
        then=(("remove", {}),),
    ),
    Person(
        "haddad",
        "Nadia Haddad",
        "Haddad Festival",
        "nadia@haddad-festival.example",
        description="Films of the concerts, asked about Business",
        spaces=(Space("haddad-festival.localhost", "Starter"),),
    ),
    Person(
        "novak",
        "Ivana Novák",
        "",
        "ivana.novak@post.example",
        description="Domain follows when the transfer is through",
    ),
)

# What these had of traffic since the month began, in GiB; the rest has had next to none. The one
# that has had more than its plan allows is suspended for it until the month ends.
TRAFFIC = {
    "bergs-bageri.localhost": 9,
    "weber-steuer.localhost": 23,
    "haddad-festival.localhost": 58,
    "ramantextiles.localhost": 31,
}

# Who answers for zones: without any, every zone's page would warn of that.
SETTINGS = {"dns_name_servers": ["ns1.panel.example", "ns2.panel.example"]}

# The login of each role that is shown.
SHOWN = {"administrator": "admin", "reseller": "lindqvist", "customer": "anna.berg"}
# Her FTP account, at home where her first website is.
FTP_USERNAME, FTP_HOME = "anna.web", "httpdocs"

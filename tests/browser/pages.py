"""Every page of the panel, by role: what axe looks at, and what has to fit on a phone."""

from typing import Any

ANONYMOUS = ("/login/", "/password/forgotten/", "/password/forgotten/done/", "/not/there/")
PLANS = ("/plans/", "/addons/", "/reseller-plans/")
ACCOUNT_PAGES = (
    "",
    "domains/",
    "users/",
    "activity/",
    "edit-contact-info/",
    "change-login-info/",
    "description/",
    "suspend/",
    "activate/",
    "remove/",
)


def dns(zone: int) -> list[str]:
    """Zones, one of them, their template, and the nodes that they name."""
    whole = [f"/zones/{zone}/{tail}" for tail in ("", "zone-file/", "add-record/")]
    return ["/zones/?q=kira", *whole, "/template-records/", "/template-records/add/", "/nodes/"]


# Lists are narrowed to a few rows: more of them hold nothing new, and axe reads every cell.
def pages(made: dict[str, Any]) -> dict[str, list[str]]:
    """Addresses by who opens them; "" is nobody."""
    mine = made["admin"]
    site = "kira-admin.localhost"
    subscription = f"/subscriptions/{mine['subscriptions'][site]}/"
    domain = f"/domains/{mine['domains'][site]}/"
    customer = f"/customers/{mine['kira']}/"
    shut = mine["subscriptions"]["late-admin.localhost"]
    of_customer = ["/", "/users/", "/users/add/", subscription, domain, "/account/"]
    return {
        "": list(ANONYMOUS),
        "admin": [
            "/",
            "/customers/?q=inselhof",
            "/customers/?q=inselhof&status=suspended",
            "/customers/?q=nobody-at-all",
            "/customers/add/",
            *(f"{customer}{tab}" for tab in ACCOUNT_PAGES),
            f"{customer}administrators-note/",
            f"/customers/{mine['abel']}/",
            "/resellers/",
            "/resellers/add/",
            f"/resellers/{made['rita']['id']}/users/",
            f"/resellers/{made['rita']['id']}/suspend/",
            f"/subscriptions/?q={site}",
            "/subscriptions/add/",
            *(subscription + tab for tab in ("", "resources/", "preview/", "activity/")),
            *(subscription + form for form in ("customize/", "change-plan/", "set-expiry/")),
            f"{subscription}add-domain/",
            f"/subscriptions/{shut}/",
            f"/domains/?q={site}",
            *(domain + tab for tab in ("", "dns/", "activity/", "add-alias/", "hosting-settings/")),
            *dns(mine["zone"]),
            *(kind + tail for kind in PLANS for tail in ("", "add/")),
            f"/plans/{mine['plan']}/",
            f"/plans/{mine['plan']}/edit/",
            f"/plans/{mine['plan']}/remove/",
            *(f"/imports/{tail}" for tail in ("", "add/", f"{made['import']}/")),
            *("/activity/?what=customer.suspend", "/settings/", "/settings/notices/"),
            f"/search/?q={site}",
            "/search/?q=nobody-at-all",
            "/account/",
            "/account/edit-contact-info/",
            "/account/change-login-info/",
            *("/account/tokens/add/", "/account/two-factor/"),
            "/logout/",
        ],
        "rita": ["/", "/customers/?q=cargorita&size=25", "/plans/", "/activity/?who=rita"],
        "kira.admin": of_customer,
    }

"""The search for everything, against a page that looks one row up by its number."""

import django

django.setup()

from accounts.models import Customer  # noqa: E402  after setup
from tests.bench import requests  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402

WORDS = {
    "three letters": "ber",
    "a common name": "garnier",
    "a name and a trade": "berg bakery",
    "one hit, from the middle": "bakery-1",
    "a number inside": "4711",
    "two letters, a prefix": "be",
    "nothing": "xqzzy",
}


def main() -> None:
    cookie = requests.log_in("admin")
    customer = Customer.objects.present().order_by("pk").first()
    assert customer is not None
    lookup = f"/customers/{customer.pk}/"
    urls = {name: "/search/?q=" + word.replace(" ", "+") for name, word in WORDS.items()}
    tasks = requests.checked([lookup, *urls.values()], cookie)
    best = requests.interleaved(tasks, rounds=40)
    base = best[lookup][0]
    rows = [Row("a customer by number", *best[lookup])]
    for name, url in urls.items():
        ratio = best[url][0] / base
        rows.append(Row(name, *best[url], f"{ratio:.2f}x", "<= 3x", missed=ratio > 3))
    show("search for everything", rows)


if __name__ == "__main__":
    main()

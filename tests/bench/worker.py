"""What the worker's look costs while nothing is behind."""

import django

django.setup()

from django.db.models import F  # noqa: E402  after setup

from hosting import provisioning_queue  # noqa: E402
from hosting.models.deployments import Deployment  # noqa: E402
from hosting.models.nodes import Node  # noqa: E402
from panel.core.bulk import BulkRun  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402
from tests.bench.requests import interleaved  # noqa: E402


def look(node_id: int) -> None:
    """All that the loops ask when there is nothing to do."""
    provisioning_queue.unswitched(node_id, 1000)
    provisioning_queue.behind(node_id, 500)
    provisioning_queue.overdue(node_id, 500)
    BulkRun.claim()


def main() -> None:
    node = Node.objects.order_by("pk").first()
    assert node is not None
    # What another part has raised was never applied: there is no agent here.
    behind = Deployment.objects.exclude(generation=F("applied"), switched=F("applied"))
    behind.update(applied=F("generation"), switched=F("generation"), attempts=0)
    best = interleaved({"look": lambda: look(node.pk)}, rounds=200)["look"]
    row = Row("nothing behind, one look", *best, "", "<= 5 ms", missed=best[0] > 5)
    show("worker", [row])


if __name__ == "__main__":
    main()

"""The page of a site's logs: a question is a row, the worker answers, the page shows it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hosting import daily
from hosting.models.questions import Question
from hosting.worker_jobs import Questions
from tests.hosting.recording_agent import RecordingAgent
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db
ASKED = {"kind": "access", "status": "4", "text": "wp-login", "lines": "50"}
LINE = ["2026-11-05T10:00:00+00:00", "404", "192.0.2.1", "GET /<b> HTTP/1.1", "9", "-", "curl"]


def url(world: HostingWorld, name: str = "carl.example") -> str:
    return f"/domains/{world.site(name).pk}/logs/"


def answered(world: HostingWorld, **answers: dict) -> RecordingAgent:
    agent = RecordingAgent()
    agent.answers = answers
    Questions(world.sub("carl.example").node_id, agent).step()
    return agent


@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_lines_are_asked_for_and_shown(world: HostingWorld, who: str):
    client = world.client(who)
    page = client.get(url(world)).text
    assert "Nobody has asked yet" in page
    sent = client.post(url(world) + "ask/", ASKED)
    assert (sent.status_code, sent["Location"]) == (303, url(world))
    waiting = client.get(url(world)).text
    assert "data-reload" in waiting
    assert 'http-equiv="refresh"' in waiting
    site = world.site("carl.example")
    agent = answered(world, log={"lines": [LINE], "is_all": False, "traffic": 2 * 2**20})
    assert agent.calls == [("ask", [site.subscription_id])]
    page = client.get(url(world)).text
    assert "GET /&lt;b&gt; HTTP/1.1" in page
    assert "192.0.2.1" in page
    assert "Older lines were not looked through" in page
    assert "this month: 2.00 MiB" in page
    # The form keeps what was asked.
    assert 'value="wp-login"' in page
    question = Question.objects.get()
    given = {"site": site.pk, "kind": "access", "status": "4", "text": "wp-login", "lines": 50}
    assert (question.what, question.about, question.parameters) == ("log", site.pk, given)


def test_the_same_question_waits_once_and_old_ones_go(world: HostingWorld):
    client = world.client("carl")
    for _ in range(2):
        client.post(url(world) + "ask/", ASKED)
    assert Question.objects.count() == 1
    client.post(url(world) + "ask/", ASKED | {"lines": "100"})
    assert Question.objects.count() == 2
    client.post(url(world) + "ask/", {"kind": "nonsense"})
    assert Question.objects.count() == 2
    Question.objects.update(asked_at=timezone.now() - timedelta(hours=2))
    daily.sweep_questions()
    assert not Question.objects.exists()


def test_what_the_node_refuses_is_said(world: HostingWorld):
    client = world.client("carl")
    client.post(url(world) + "ask/", ASKED)
    Question.objects.update(
        answered_at=timezone.now(), answer={"ok": False, "kind": "io", "message": "disk full"}
    )
    assert "The node did not answer: disk full" in client.get(url(world)).text


def test_a_neighbour_finds_neither_page_nor_answer(world: HostingWorld):
    world.client("carl").post(url(world) + "ask/", ASKED)
    answered(world, log={"lines": [LINE], "is_all": True})
    for who in ("cleo", "nora", "ben"):
        client = world.client(who)
        assert client.get(url(world)).status_code == 404
        assert client.post(url(world) + "ask/", ASKED).status_code == 404
    assert "192.0.2.1" not in world.client("cleo").get(url(world, "cleo.example")).text
    assert Question.objects.count() == 1


def test_asking_is_a_post(world: HostingWorld):
    assert world.client("carl").get(url(world) + "ask/").status_code == 405

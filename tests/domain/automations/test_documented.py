"""What docs/automations.md shows is what happens: its texts, its message, and how the other side proves it."""

import json
import re
from pathlib import Path

import pytest

from domain.automations import texts
from domain.automations.webhooks import deliveries, endpoints
from domain.lists import rows
from domain.records import collections
from domain.tasks import tasks
from models import WebhookDelivery
from tests.fixtures.automating import change, notice, on, work

PAGE = (Path(__file__).parents[3] / "docs" / "automations.md").read_text("utf-8")
BLOCKS = re.findall(r"(?:^    .*\n)+", PAGE, re.M)

pytestmark = pytest.mark.usefixtures("inside_acme")


def block(begins):
    (found,) = [one for one in BLOCKS if one.strip().startswith(begins)]
    return "\n".join(line.removeprefix("    ") for line in found.rstrip().splitlines())


def test_a_text_takes_the_words_of_a_row(at):
    by, said = at("alice"), block("Dear {Name}")
    fields = (("Name", "text"), ("Item", "text"), ("State", "choice", ("New", "Done")))
    table = collections.make("Repairs", by=by, fields=fields)
    on(by, source=f"record:{table.id}", steps=[notice(said)])
    assert set(re.findall(r"\{(\w+)\}", said)) == {"Name", "Item", "State"}


@pytest.mark.parametrize("said", ["today + 3", "{Mail}"])
def test_what_stands_between_the_lines_is_understood(said):
    assert f"`{said}`" in PAGE
    assert texts.NAMED.fullmatch(said) or texts._DAY.fullmatch(said)


def test_a_message_is_as_it_is_shown_and_proved_as_it_is_shown(at):
    by = at("alice")
    endpoint, secret = endpoints.make({"name": "Chat", "url": "https://hooks.example.org/in"}, by=by)
    hook = {"kind": "webhook", "endpoint": str(endpoint.id)}
    on(by, kind="changed", fields=["status"], steps=[hook, change(priority="High")])
    task = rows.create(tasks.rules, {"title": "Call"}, by=by)
    rows.change(tasks.rules, task.id, {"status": "in progress"}, by=by)
    work()
    left = WebhookDelivery.get()
    shown, sent = json.loads(block("{")), json.loads(left.body)
    assert sent.keys() == shown.keys()
    assert sent["data"].keys() == shown["data"].keys()
    assert sent["data"]["row"].keys() > shown["data"]["row"].keys()
    headers = deliveries._prepared(left).headers
    told: dict = {"secret": secret, "body": left.body.encode(), "headers": headers}
    exec(block("from standardwebhooks"), told)
    assert told["message"] == sent


def test_the_waits_between_tries_are_those_that_are_told():
    told = "5 seconds, 5 and 30 minutes, 2, 5, 10, 14 and 20 hours"
    assert told in PAGE
    seconds = [5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20))]
    assert list(deliveries.BACKOFF) == seconds

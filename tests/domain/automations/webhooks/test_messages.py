"""Messages to addresses outside: signed as Standard Webhooks says, tried until taken, once each; loops end."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook
from urllib3.connection import HTTPConnection

import jobs
from database.clock import now
from database.scope import inside
from domain import NotFound, Refused
from domain.automations import running as automating
from domain.automations.webhooks import addresses, deliveries, endpoints
from domain.base import allowances, keys, settings
from domain.lists import rows
from domain.tasks import tasks
from models import Automation, AutomationRun, Notification, Task, WebhookDelivery, WebhookEndpoint
from tests.fixtures.automating import on, work
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("inside_acme")
URL = {"name": "Bookkeeping", "url": "https://hooks.example.org/in?x=1"}


class Outside:
    """Somebody who takes messages, on this machine in place of the net."""

    def __init__(self):
        self.taken, self.answers, self.then = [], [], lambda: None
        there = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                there.taken.append((self.path, dict(self.headers.items()), body))
                status, headers = there.answers.pop(0) if there.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"thank you" + b"." * 100_000)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def outside(monkeypatch):
    there = Outside()
    monkeypatch.setattr(addresses, "look_up", lambda host, port: ["93.184.216.34"])
    port = there.server.server_port
    monkeypatch.setattr(addresses, "connection", lambda address, target: HTTPConnection("127.0.0.1", port, timeout=5))
    yield there
    there.end()


@pytest.fixture
def endpoint(at):
    return endpoints.make(URL, by=at("alice"))


def test_a_form_that_is_sent_twice_adds_one_address(at):
    (one, secret), (same, again) = (endpoints.make(URL, by=at("alice"), key="k" * 22) for _ in range(2))
    assert (same.id, again) == (one.id, secret)
    assert endpoints.make(URL, by=at("alice"))[0].id != one.id


def say(endpoint, word="x"):
    write(lambda: deliveries.leave(endpoint, f"cause {word}", {"word": word}))
    jobs.work_off()
    return WebhookDelivery.get(WebhookDelivery.cause == f"cause {word}")


@pytest.mark.above_sql
def test_the_vector_of_the_standard():
    """As https://github.com/standard-webhooks/standard-webhooks has it."""
    signed = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), '{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_is_signed_and_the_other_side_can_prove_it(outside, endpoint):
    row, secret = endpoint
    sent = say(row, "Ångström")
    ((path, headers, body),) = outside.taken
    assert (path, headers["Host"]) == ("/in?x=1", "hooks.example.org")
    assert Webhook(secret).verify(body, headers)["data"] == {"word": "Ångström"}
    assert headers["webhook-id"] == sent.message_id
    assert (sent.state, sent.status_code, sent.answer[:9], len(sent.answer)) == ("taken", 200, "thank you", 2000)
    assert secret not in json.dumps(WebhookEndpoint.get_by_id(row.id).__data__, default=str)


def test_while_a_secret_rotates_both_prove_it(at, outside, endpoint, clock):
    row, old = endpoint
    row, new = endpoints.rotate(row.id, by=at("alice"))
    found = endpoints.signatures(row, "msg_1", now(), "{}").split()
    assert found == [Webhook(secret).sign("msg_1", now(), "{}") for secret in (new, old)]
    clock.forward(days=1, seconds=1)
    assert len(endpoints.signatures(row, "msg_1", now(), "{}").split()) == 1


def test_what_is_not_taken_is_tried_again_under_the_same_id_ever_more_seldom(outside, endpoint, clock):
    row, _ = endpoint
    outside.answers = [(500, {}), (302, {"Location": "http://127.0.0.1/"}), (200, {})]
    sent = say(row)
    assert (sent.state, sent.attempts, sent.error) == ("queued", 1, "It answered 500.")
    jobs.work_off()
    assert len(outside.taken) == 1
    clock.forward(seconds=5)
    jobs.work_off()
    assert WebhookDelivery.get_by_id(sent.id).error == "It answered 302. Where it leads isn't followed."
    clock.forward(seconds=300)
    jobs.work_off()
    assert WebhookDelivery.get_by_id(sent.id).state == "taken"
    assert len({headers["webhook-id"] for _, headers, _ in outside.taken}) == 1


def test_after_days_of_failure_it_is_given_up_and_keepers_hear_of_it(cast, at, endpoint, clock, monkeypatch):
    row, _ = endpoint

    def nobody(*_):
        raise addresses.NotReached("It couldn't be reached.")

    monkeypatch.setattr(addresses, "post", nobody)
    for day in range(4):
        say(row, f"day {day}")
        for _ in range(40):
            clock.forward(hours=1)
            deliveries.work()
    jobs.work_off()
    assert WebhookEndpoint.get_by_id(row.id).disabled_at
    assert {one.state for one in WebhookDelivery.select()} == {"failed"}
    titles = [one.title for one in Notification.select().where(Notification.recipient == cast.alice)]
    assert titles == ["The address Bookkeeping is told no more"]
    with pytest.raises(Refused):
        deliveries.send_again(WebhookDelivery.select().first().id, by=at("alice"))
    endpoints.turn_on(row.id, by=at("alice"))
    with pytest.raises(Refused):
        endpoints.turn_on(row.id, by=at("alice"))


def test_one_organization_keeps_no_other_waiting(cast, at, outside, endpoint, monkeypatch):
    monkeypatch.setattr(deliveries, "ADDRESSES", 3)
    monkeypatch.setattr(deliveries, "SHARE", 2)
    many = [endpoint[0], *(endpoints.make(URL | {"name": f"No {n}"}, by=at("alice"))[0] for n in range(4))]
    for one in many:
        write(deliveries.leave, one, f"of acme {one.id}", {})
    with inside(cast.globex):
        theirs, _ = endpoints.make(URL, by=at("charlie", "globex"))
        write(deliveries.leave, theirs, "of globex", {})
    deliveries.work()
    assert len(outside.taken) == 3
    with inside(cast.globex):
        assert WebhookDelivery.get().state == "taken"


@pytest.mark.parametrize("about", ["fails", "is slow"])
def test_one_that_fails_or_is_slow_rests(outside, endpoint, monkeypatch, clock, about):
    monkeypatch.setattr(deliveries, "EACH", 1)
    if about == "fails":
        outside.answers = [(500, {})]
    else:
        monkeypatch.setattr(deliveries, "SLOW", -1)
    for n in range(2):
        write(deliveries.leave, endpoint[0], f"cause {n}", {})
    jobs.work_off()
    assert len(outside.taken) == 1
    clock.forward(minutes=1)
    jobs.work_off()
    assert len(outside.taken) > 1


def test_so_many_messages_wait_for_an_address_and_are_left_in_an_hour(cast, at, endpoint, monkeypatch):
    monkeypatch.setattr(deliveries, "MOST_WAITING", 2)
    for n in range(2):
        write(deliveries.leave, endpoint[0], f"cause {n}", {})
    with pytest.raises(Refused):
        write(deliveries.leave, endpoint[0], "cause 3", {})
    monkeypatch.setattr(deliveries, "MOST_WAITING", 100)
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    allowances.spend("automation_webhooks", cast.acme, cost=1000)
    on(at("bob"), steps=[{"kind": "webhook", "endpoint": str(endpoint[0].id)}])
    rows.create(tasks.rules, {"title": "Call"}, by=at("bob"))
    automating.work()
    assert (AutomationRun.get().state, WebhookDelivery.select().count()) == ("waiting", 2)


def test_the_text_of_what_was_taken_goes_after_some_days(at, outside, endpoint, clock):
    sent = say(endpoint[0])
    assert deliveries.prune(10) == 0
    clock.forward(days=8)
    assert [deliveries.prune(10), deliveries.prune(10)] == [1, 0]
    assert WebhookDelivery.get_by_id(sent.id).body == ""
    with pytest.raises(Refused):
        deliveries.send_again(sent.id, by=at("alice"))


def test_a_message_is_sent_again_by_hand_under_its_id(at, outside, endpoint):
    sent = say(endpoint[0])
    deliveries.send_again(sent.id, by=at("alice"))
    with pytest.raises(Refused):
        deliveries.send_again(sent.id, by=at("alice"))
    with pytest.raises(Refused):
        deliveries.send_again(sent.id, by=at("bob"))
    jobs.work_off()
    assert [headers["webhook-id"] for _, headers, _ in outside.taken] == [sent.message_id] * 2


def test_gone_is_gone_and_a_removed_address_is_told_nothing(at, outside, endpoint):
    row, _ = endpoint
    outside.answers = [(410, {})]
    assert say(row).state == "failed"
    assert WebhookEndpoint.get_by_id(row.id).disabled_at
    endpoints.remove(row.id, by=at("alice"))
    with pytest.raises(NotFound):
        endpoints.one(row.id)
    assert WebhookEndpoint.get_by_id(row.id).secret == ""


def test_members_name_no_addresses_and_see_no_messages(at, endpoint):
    for act in (lambda by: endpoints.make(URL, by=by), lambda by: endpoints.rotate(endpoint[0].id, by=by)):
        with pytest.raises(Refused):
            act(at("bob"))


def test_an_automation_tells_the_row_as_programs_get_it_once(cast, at, outside, endpoint):
    on(at("bob"), kind="changed", fields=["status"], steps=[{"kind": "webhook", "endpoint": str(endpoint[0].id)}])
    task = rows.create(tasks.rules, {"title": "Call"}, by=at("bob"))
    rows.change(tasks.rules, task.id, {"status": "completed"}, by=at("bob"))
    work()
    work()
    ((_, _, body),) = outside.taken
    data = json.loads(body)["data"]
    assert (data["list"], data["row"]["title"], data["changed"]) == ("task", "Call", ["completed_at", "status"])


def test_two_that_set_each_other_off_by_webhooks_are_stopped(cast, at, outside, endpoint):
    """The other side writes back for each message, as a program would: no chain tells that, the hourly limit does."""
    settings.change("automation_runs", "5", by=cast.stella)
    by = at("alice")
    hook = {"kind": "webhook", "endpoint": str(endpoint[0].id)}
    made = [on(by, kind="changed", fields=[field], steps=[hook], name=field) for field in ("title", "description")]
    task = rows.create(tasks.rules, {"title": "0", "description": "0"}, by=by)
    rows.change(tasks.rules, task.id, {"title": "1"}, by=by)
    for turn in range(2, 40):
        before = len(outside.taken)
        work()
        if len(outside.taken) == before:
            break
        rows.change(tasks.rules, task.id, {"description" if turn % 2 == 0 else "title": str(turn)}, by=by)
    work()
    assert "paused" in {Automation.get_by_id(one.id).state for one in made}
    assert len(outside.taken) <= 11
    assert AutomationRun.select().where(AutomationRun.state == "waiting").count() == 0
    assert Task.get_by_id(task.id)


def test_secrets_are_sealed_anew_under_the_newest_key(endpoint, monkeypatch):
    assert endpoints.seal_anew() == (0, [])
    monkeypatch.setattr(keys, "is_newest", lambda sealed: False)
    assert endpoints.seal_anew() == (1, [])
    monkeypatch.setattr(keys, "unseal", lambda sealed: "")
    assert endpoints.seal_anew()[1] == [f"Bookkeeping of organization {endpoint[0].organization_id}"]

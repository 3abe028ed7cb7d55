import html
import re

import pytest

import jobs
from database.scope import inside
from domain.lists import rows
from domain.tasks import tasks
from models import Automation, AutomationRun, Task

START = {
    "name": "Tell me",
    "t_kind": "changed",
    "source": "task",
    "t_fields": ["status"],
    "t_to": "Completed",
    "s0_kind": "notice",
    "s0_who": "me",
    "s0_title": "Done: {Title}",
}


@pytest.fixture
def alice(browse):
    return browse("alice")


def made(cast):
    with inside(cast.acme):
        return Automation.select().order_by(Automation.id.desc()).first()


def test_one_is_made_tried_saved_run_and_looked_at(alice, cast, at, followed):
    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
        rows.change(tasks.rules, task.id, {"status": "completed"}, by=at("alice"))
    assert "Tell me of urgent tasks" in alice.get("/acme/automations").text
    tried = alice.post("/acme/automations", data=START | {"do": "try"})
    assert tried.status_code == 200
    assert "Done: Call" in tried.text
    with inside(cast.acme):
        assert Automation.select().count() == 0
    page = followed(alice, alice.post("/acme/automations", data=START | {"do": "save_on"}))
    assert "“Tell me” is on." in html.unescape(page)
    with inside(cast.acme):
        rows.change(tasks.rules, task.id, {"status": "pending"}, by=at("alice"))
        rows.change(tasks.rules, task.id, {"status": "completed"}, by=at("alice"))
    jobs.work_off()
    with inside(cast.acme):
        run = AutomationRun.get()
    assert "Told 1 person." in alice.get(f"/acme/automations/runs/{run.id}").text
    assert f"/automations/runs/{run.id}" in alice.get(f"/acme/automations/{made(cast).id}").text
    page = alice.get("/acme/automations/runs").text
    assert "Tell me" in page
    assert f'href="/acme/tasks/{task.id}" title="Call"><bdi>Call</bdi>' in page
    with inside(cast.acme):
        rows.remove(tasks.rules, task.id, by=at("alice"))
    assert "<bdi>Call</bdi>" not in alice.get("/acme/automations/runs").text


def test_each_button_draws_the_editor_again_with_all_that_was_typed(alice, hx):
    def press(does, **more):
        page = alice.post("/acme/automations", data=START | more | {"do": does}, headers=hx("editor"))
        assert page.text.lstrip().startswith('<form id="editor"')
        return page.text

    more = press("add:letter")
    assert 'name="s1_subject"' in more
    assert 'value="Done: {Title}"' in more
    assert 'name="s0_title"' not in press("drop:1")
    moved = press("up:2", s1_kind="wait", s1_count="3", s1_unit="days")
    assert moved.index('name="s0_count"') < moved.index('name="s1_title"')
    asked = press("look", c_field="priority")
    assert 'name="c_op"' in asked
    added = press("condition", c_field="priority", c_op="any_of", c_value=["high"])
    assert "Priority is any of High" in added
    where = html.unescape(re.search(r'name="where" value="([^"]+)"', added)[1])
    assert "Priority is any of High" not in press("forget:1", where=where)
    assert "Say what to compare with." in press("condition", c_field="priority", c_op="any_of")


def test_what_is_wrong_stands_beside_its_step_and_nothing_is_lost(alice, cast, hx):
    bad = START | {"s0_title": "{Nothing}", "t_to": "Nowhere", "do": "save"}
    page = alice.post("/acme/automations", data=bad, headers=hx("editor"))
    assert page.status_code == 422
    assert re.search(r'id="s0_title_error"[^>]*>.*There is no field called', html.unescape(page.text))
    assert 'id="t_to_error"' in page.text
    assert 'value="{Nothing}"' in page.text
    assert made(cast) is None


def test_a_version_is_restored_copied_turned_off_and_removed(alice, cast, followed):
    alice.post("/acme/automations", data=START | {"do": "save"})
    row = made(cast)
    at = f"/acme/automations/{row.id}"
    saved = followed(
        alice, alice.post(at, data=START | {"name": "Other", "number": "1", "s0_title": "Two", "do": "save"})
    )
    assert "It acts as you." in saved
    assert "meanwhile" in alice.post(at, data=START | {"number": "1", "do": "save"}).text
    assert "Restore version 1" in alice.get(f"{at}?version=1").text
    assert "is back, as version 3" in html.unescape(followed(alice, alice.post(f"{at}/versions/1/restoration")))
    for verb, said in (("start", "is on"), ("stop", "is off"), ("copy", "turned off"), ("removal", "is removed")):
        assert said in html.unescape(followed(alice, alice.post(f"{at}/{verb}")))
    assert alice.get(at).status_code == 404


@pytest.mark.parametrize("sample", ["urgent", "follow_up", "monday", "sold", "nothing"])
def test_each_example_can_be_saved_as_it_is(alice, cast, sample):
    page = html.unescape(alice.get(f"/acme/automations/new?sample={sample}").text)
    form = re.search(r'<form id="editor".*?</form>', page, re.S)[0]
    data: dict = {}
    for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]*? value="([^"]*)"', form):
        tag = re.search(rf'<input[^>]* name="{re.escape(name)}"[^>]*? value="{re.escape(value)}"[^>]*>', form)[0]
        if 'type="checkbox"' not in tag or " checked" in tag:
            data.setdefault(name, []).append(value)
    for name, body in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body) or re.search(r'value="([^"]*)"', body)
        data[name] = [chosen[1]]
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.S):
        data[name] = [text]
    saved = alice.post("/acme/automations", data=data | {"do": "save"})
    assert saved.status_code == (422 if sample == "nothing" else 303)


def test_colleagues_see_their_own_viewers_none_and_strangers_nothing(browse, alice, cast):
    alice.post("/acme/automations", data=START | {"do": "save"})
    id = made(cast).id
    for who, status in (("bob", 404), ("vera", 403), ("charlie", 404)):
        assert browse(who).get(f"/acme/automations/{id}").status_code == status
    assert "Automations" not in re.findall(r"<nav.*?</nav>", browse("vera").get("/acme").text, re.S)[0]


def test_a_button_stands_on_the_page_of_a_row_and_is_pressed_there(alice, browse, cast, at, followed):
    button = {"name": "Make it urgent", "t_kind": "button", "source": "task", "s0_kind": "change", "s0_f0": "priority"}
    alice.post("/acme/automations", data=button | {"s0_v0": "High", "do": "save_on"})
    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Call"}, by=at("bob"))
    bob = browse("bob")
    page = bob.get(f"/acme/tasks/{task.id}").text
    assert "Make it urgent" in page
    data = {"row": task.id, "back": f"/acme/tasks/{task.id}"}
    assert "is set off" in followed(bob, bob.post(f"/acme/automations/{made(cast).id}/pressing", data=data))
    elsewhere = bob.post(f"/acme/automations/{made(cast).id}/pressing", data=data | {"back": "//evil.example.org"})
    assert elsewhere.headers["Location"] == "/acme/automations/runs"
    jobs.work_off()
    with inside(cast.acme):
        assert Task.get_by_id(task.id).priority == "high"


def test_a_bad_form_is_refused_and_changes_nothing(alice, cast):
    for bad in [
        {"t_kind": "never"},
        {"source": "record:99999999999999999999"},
        {"source": "\x00"},
        {"s0_kind": "nothing"},
        {"s0_title": "{" * 5000},
        {"s0_title": "x" * 100_000},
        {"where": ["~" * 500]},
        {"where": ["and~status~any_of"] * 50},
        {"t_to": "\ud800"},
        {"s0_who": "field:user.nothing"},
        {"s0_kind": "wait", "s0_count": "9" * 40, "s0_unit": "days"},
        {"s0_kind": "webhook", "s0_endpoint": "1e99"},
        {"s0_kind": "change", "s0_f0": "title", "s0_v0": ""},
        {"s0_kind": "make", "s0_table": "record:x"},
    ]:
        data = {
            key: value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            for key, value in bad.items()
        }
        page = alice.post("/acme/automations", data=START | data | {"do": "save"})
        assert page.status_code in (400, 422), bad
        assert made(cast) is None, bad

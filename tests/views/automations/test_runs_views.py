from database.scope import inside
from domain.lists import rows
from domain.tasks import tasks
from models import AutomationRun, Membership
from tests.fixtures.automating import notice, on, work
from tests.fixtures.threads import write


def test_a_run_that_was_stopped_says_why_and_is_tried_again(browse, cast, at):
    with inside(cast.acme):
        on(at("bob"), steps=[notice()])
        write(Membership.update(role="viewer").where(Membership.user == cast.bob).execute)
        rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
        (run,) = work()
    alice = browse("alice")
    page = alice.get(f"/acme/automations/runs/{run.id}").text
    assert "may not have automations any more" in page
    assert "Try again" in page
    assert "turn it on first" in alice.post(f"/acme/automations/runs/{run.id}/retrial").text
    assert browse("dora").get(f"/acme/automations/runs/{run.id}").status_code == 404
    with inside(cast.acme):
        assert AutomationRun.get().state == "stopped"

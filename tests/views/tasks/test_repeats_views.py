"""A task that repeats, in the browser: written in words, skipped and ended from its page."""

from database.scope import inside
from models import Task


def test_a_task_repeats_is_skipped_and_its_series_deleted(browse, cast):
    client = browse("alice")
    form = {"title": "Water the plants", "due_at": "2033-05-02", "repeats": "weekly"}
    refused = client.post("/acme/tasks", data=form | {"repeats": "sometimes"})
    assert (refused.status_code, "Write it like one of these" in refused.text) == (422, True)
    page = client.post("/acme/tasks", data=form).headers["Location"]
    shown = client.get(page).text
    assert 'value="every week"' in shown
    assert f"{page}/skipping" in shown
    assert f"{page}/series-removal" in shown
    assert "/skipping" not in client.get("/acme/tasks?tab=made").text
    assert client.post(f"{page}/skipping").status_code == 303
    assert client.post(f"{page}/cells/status", data={"status": "completed"}).status_code == 303
    with inside(cast.acme):
        assert {(t.due_at.isoformat(), t.status) for t in Task.select()} == {
            ("2033-05-09", "completed"),
            ("2033-05-16", "pending"),
        }
        following = Task.get(Task.status == "pending").id
    assert client.post(f"/acme/tasks/{following}/series-removal").status_code == 303
    with inside(cast.acme):
        assert Task.select().count() == 1

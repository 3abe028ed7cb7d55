from datetime import timedelta

from database.clock import now
from database.scope import inside
from domain.lists import rows
from domain.tasks import tasks
from tests.fixtures.events import make_event
from tests.fixtures.threads import write


def test_home_shows_what_is_next_and_nothing_of_others(browse, task, at, cast, clock):
    clock()
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Bring the flags", "due_at": "2026-06-17"}, by=at("bob"))
        rows.create(tasks.rules, {"title": "Secret of alice", "due_at": "2026-06-17"}, by=at("alice"))
    with inside(cast.globex):
        rows.create(tasks.rules, {"title": "Globex only", "due_at": "2026-06-17"}, by=at("charlie", "globex"))
    page = browse("bob").get("/acme").get_data(True)
    assert "Bring the flags" in page
    assert "Secret of alice" not in page
    assert "Globex only" not in page


def test_home_shows_the_events_that_come(browse, cast, at, clock):
    clock()
    with inside(cast.acme):
        make_event(at("alice"), title="Jazz Night")
        make_event(at("alice"), publish=False, title="Open Stage", starts_at="2026-07-02T18:00Z")
        make_event(at("alice"), title="Long gone", starts_at="2026-06-16T18:00Z", ends_at="2026-06-16T19:00Z")
    assert "Coming events" not in browse("alice").get("/alice").text
    clock.forward(days=7)
    page = browse("vera").get("/acme").text
    assert page.index("Coming events") < page.index("Open Stage") < page.index("Jazz Night")
    assert "Long gone" not in page


def test_a_new_members_first_page_says_that_they_joined_and_names_work_without_a_day(browse, cast, at, said):
    assert "Make a place for your work" in said(browse("alice").get("/acme"))
    bob = browse("bob")
    assert "Join Acme" in said(bob.get("/acme"))
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Tune the piano", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    assert "1 open task of yours has no day." in said(bob.get("/acme"))


def test_what_is_left_to_begin_with_stays_until_it_is_done_or_the_organization_is_no_longer_new(browse, cast, at, said):
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Tune the piano"}, by=at("alice"))
    page = said(browse("alice").get("/acme"))
    assert "To begin with" in page
    assert "Say in which time zone your days are" in page
    assert "To begin with" not in said(browse("bob").get("/acme"))  # it's nothing that he can do
    cast.acme.timezone = "Europe/Paris"
    write(cast.acme.save)
    assert "To begin with" not in said(browse("alice").get("/acme"))
    cast.acme.timezone, cast.acme.created_at = "UTC", now() - timedelta(days=15)
    write(cast.acme.save)
    assert "To begin with" not in said(browse("alice").get("/acme"))


def test_home_is_not_there_for_outsiders(browse):
    assert browse("alice").get("/acme").status_code == 200
    assert browse("charlie").get("/acme").status_code == 404
    assert browse(None).get("/acme").headers["Location"] == "/sign-in?next=%2Facme"


def test_an_unknown_organization_and_a_foreign_one_look_alike(browse):
    charlie = browse("charlie")
    foreign, unknown = charlie.get("/acme"), charlie.get("/no-such-place")
    strip = lambda r: r.get_data(True).replace(r.headers["X-Request-Id"], "")  # noqa: E731
    assert (foreign.status_code, strip(foreign)) == (unknown.status_code, strip(unknown))


def test_a_name_full_of_markup_is_shown_as_text(browse, cast, at):
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "<script>alert(1)</script>", "due_at": "2100-01-01"}, by=at("alice"))
    for path in ("/acme", "/acme/tasks", "/acme/tasks?view=board", "/palette?q=script"):
        page = browse("alice").get(path).get_data(True)
        assert "alert(1)" in page, path
        assert "<script>alert" not in page, path

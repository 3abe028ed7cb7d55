from datetime import UTC, date, datetime, timedelta

import pytest

import jobs
import models
from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused, Stale
from domain.base import changes
from domain.fields.forms import as_text
from domain.lists import rows
from domain.organizations import organizations
from domain.tasks import tasks
from models import Change, Membership, Notification, Outgoing, Task, User
from tests.fixtures.threads import together, write

RULES = tasks.rules


@pytest.fixture
def task(at, inside_acme):
    return make(at("alice"))


def make(by, title="Call the printer", **form):
    return rows.create(RULES, {"title": title} | form, by=by)


def now_stands(task):
    return Task.get_by_id(task.id)


def log(task):
    """The history of a task, oldest first: (verb, fields, by)."""
    found = changes.history("task", task.id)
    return [(c.verb, c.fields, c.by.email.split("@")[0]) for c in found][::-1]


def counts():
    return Task.select().count(), Change.select().count(), Outgoing.select().count()


# --- validation -------------------------------------------------------------------------------------------


def test_a_task_needs_only_a_title(at, inside_acme):
    made = now_stands(make(at("bob"), "  Call \t the   printer "))
    assert (made.title, made.status, made.priority, made.category) == (
        "Call the printer",
        "pending",
        "medium",
        "general",
    )
    assert (made.user.email, made.assigned_to, made.due_at, made.completed_at) == ("bob@example.org", None, None, None)


def test_what_does_not_fit_is_refused_beside_its_field(at, inside_acme, task):
    for name, text in [
        ("title", ""),
        ("title", " \u200b\n "),
        ("title", "x" * 201),
        ("status", "done"),
        ("status", "Pending"),
        ("status", "in_progress"),
        ("priority", "urgent"),
        ("category", "x" * 61),
        ("description", "x" * 10_001),
        ("due_at", "tomorrow"),
        ("due_at", "2026-13-01"),
        ("due_at", "2026-02-30"),
        ("due_at", "1969-12-31"),
        ("due_at", "2201-01-01"),
        ("due_at", "0001-01-01T00:00+23:00"),
        ("due_at", "9999-12-31T23:59-23:00"),
        ("due_at", "2026-06-01T25:00"),
        ("assigned_to", "0"),
        ("assigned_to", "-1"),
        ("assigned_to", "bob"),
        ("assigned_to", "²"),
        ("assigned_to", "9" * 30),
    ]:
        before = counts()
        with pytest.raises(Invalid) as caught:
            make(at("alice"), **{"title": "x", name: text})
        assert caught.value.fields.keys() == {name}, (name, text)
        with pytest.raises(Invalid):
            rows.change(RULES, task.id, {name: text}, by=at("alice"))
        assert counts() == before, (name, text)


def test_all_that_is_wrong_is_said_at_once(at, inside_acme):
    with pytest.raises(Invalid) as caught:
        make(at("alice"), "", priority="x", due_at="x")
    assert caught.value.fields.keys() == {"title", "priority", "due_at"}


def test_two_hundred_characters_are_a_title(at, inside_acme):
    assert len(now_stands(make(at("alice"), "ü" * 200)).title) == 200


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-20", date(2026, 6, 20)),
        ("2026-06-20T10:30", datetime(2026, 6, 20, 10, 30, tzinfo=UTC)),
        ("2026-06-20T10:30+02:00", datetime(2026, 6, 20, 8, 30, tzinfo=UTC)),
        ("2020-01-01", date(2020, 1, 1)),
        ("", None),
    ],
)
def test_a_due_date_may_be_a_day_or_a_moment_also_a_past_one(at, inside_acme, text, moment):
    assert now_stands(make(at("alice"), due_at=text)).due_at == moment


@pytest.mark.parametrize(("name", "default"), [("status", "pending"), ("priority", "medium"), ("category", "general")])
def test_emptying_a_field_with_a_default_gives_the_default(at, task, name, default):
    rows.change(RULES, task.id, {"status": "in progress", "priority": "high", "category": "print"}, by=at("alice"))
    rows.change(RULES, task.id, {name: ""}, by=at("alice"))
    assert getattr(now_stands(task), name) == default


def test_only_a_member_can_be_given_a_task(cast, at, task):
    for stranger in (cast.charlie, cast.stella):
        with pytest.raises(Invalid):
            rows.change(RULES, task.id, {"assigned_to": str(stranger.id)}, by=at("alice"))
    write(User.update(status="suspended").where(User.id == cast.dora.id).execute)
    with pytest.raises(Invalid):
        rows.change(RULES, task.id, {"assigned_to": str(cast.dora.id)}, by=at("alice"))
    assert now_stands(task).assigned_to is None


def test_what_the_form_must_not_hold_is_ignored(cast, at, task):
    form = {"id": "99", "user": str(cast.bob.id), "organization": str(cast.globex.id), "completed_at": "2026-01-01"}
    assert rows.change(RULES, task.id, form, by=at("alice"))[1] is None
    made = now_stands(make(at("bob"), **form))
    assert (made.user, made.organization, made.completed_at) == (cast.bob, cast.acme, None)


# --- who ----------------------------------------------------------------------------------------------------


def test_a_viewer_makes_changes_and_removes_nothing(cast, at, task):
    rows.change(RULES, task.id, {"assigned_to": str(cast.vera.id)}, by=at("alice"))
    before = counts()
    with pytest.raises(Forbidden):
        make(at("vera"))
    for act in (
        lambda: rows.change(RULES, task.id, {"status": "completed"}, by=at("vera")),
        lambda: rows.remove(RULES, task.id, by=at("vera")),
    ):
        with pytest.raises(Forbidden):
            act()
    _, done, why_not = rows.bulk(RULES, [task.id], {"status": "completed"}, by=at("vera"))
    assert (done, len(why_not)) == (0, 1)
    assert counts() == before


def test_what_is_no_id_is_not_found(at, task):
    for id in [0, -1, 2**31, 2**63, 2**64, "1", None, 1.0]:
        with pytest.raises(NotFound):
            rows.get(RULES, id, at("alice"))


def test_a_suspended_organization_stands_still(cast, at, task):
    write(models.Organization.update(status="suspended").where(models.Organization.id == cast.acme.id).execute)
    before = counts()
    for act in (
        lambda: make(at("alice")),
        lambda: rows.change(RULES, task.id, {"title": "x"}, by=at("alice")),
        lambda: rows.remove(RULES, task.id, by=at("alice")),
    ):
        with pytest.raises(Refused):
            act()
    assert counts() == before


# --- history --------------------------------------------------------------------------------------------------


def test_each_change_is_noted_with_before_and_after(cast, at, task):
    rows.change(RULES, task.id, {"title": "Call her", "priority": "medium", "due_at": "2026-06-20"}, by=at("alice"))
    rows.change(RULES, task.id, {"assigned_to": str(cast.bob.id)}, by=at("alice"))
    rows.change(RULES, task.id, {"status": "in progress"}, by=at("bob"))
    rows.remove(RULES, task.id, by=at("alice"))
    created, *others = log(task)
    assert created[0] == "created"
    assert created[1]["title"] == [None, "Call the printer"]
    assert [(verb, by) for verb, _, by in others] == [
        ("updated", "alice"),
        ("updated", "alice"),
        ("updated", "bob"),
        ("deleted", "alice"),
    ]
    assert others[0][1] == {
        "title": ["Call the printer", "Call her"],
        "due_at": [None, "2026-06-20"],
    }
    assert others[1][1] == {"assigned_to": [None, cast.bob.id]}
    assert others[2][1] == {"status": ["pending", "in progress"]}
    assert others[3][1]["title"] == ["Call her", None]


def test_saving_what_stands_already_notes_nothing(at, task):
    before = counts()
    _row, change = rows.change(RULES, task.id, {"title": " Call  the printer", "due_at": ""}, by=at("alice"))
    assert change is None
    assert counts() == before


# --- two people at once -----------------------------------------------------------------------------------------


def test_a_stale_page_changes_nothing_and_is_told_what_stands(at, task):
    rows.change(RULES, task.id, {"title": "Newer"}, by=at("alice"))
    before = counts()
    with pytest.raises(Stale) as caught:
        rows.change(
            RULES, task.id, {"title": "Mine", "priority": "high"}, by=at("alice"), was={"title": "Call the printer"}
        )
    assert "Newer" in caught.value.sentence
    assert caught.value.fields.keys() == {"title"}
    assert (now_stands(task).title, now_stands(task).priority) == ("Newer", "medium")
    assert counts() == before


def test_a_page_that_is_stale_elsewhere_may_change_its_field(at, task):
    rows.change(RULES, task.id, {"title": "Newer"}, by=at("alice"))
    rows.change(RULES, task.id, {"priority": "high"}, by=at("alice"), was={"priority": "medium"})
    rows.change(RULES, task.id, {"title": "Newer"}, by=at("alice"), was={"title": "Call the printer"})  # the same
    rows.change(RULES, task.id, {"priority": "low"}, by=at("alice"), was={"nonsense": "x", "title": "x"})
    assert (now_stands(task).title, now_stands(task).priority) == ("Newer", "low")


def test_a_date_and_a_paragraph_are_recognised_as_they_were_on_the_page(cast, at, task):
    listing = RULES.listing
    form = {"due_at": "2026-06-20T10:30", "description": "One\r\nTwo", "assigned_to": str(cast.bob.id)}
    rows.change(RULES, task.id, form, by=at("alice"))
    row = now_stands(task)
    was = {
        name: as_text(listing.by_name[name], row.__data__[name]) for name in ("due_at", "description", "assigned_to")
    }
    was["description"] = was["description"].replace("\n", "\r\n")  # as every browser sends it back
    form = {"due_at": "2026-06-21", "description": "Three", "assigned_to": ""}
    rows.change(RULES, task.id, form, by=at("alice"), was=was)
    assert now_stands(task).description == "Three"


def test_of_two_changes_at_the_same_moment_one_wins(at, cast, inside_acme):
    alice = at("alice")
    for round in range(5):
        task = make(alice)

        def change(title, task=task):
            with inside(cast.acme):
                return rows.change(RULES, task.id, {"title": title}, by=alice, was={"title": "Call the printer"})

        outcomes = together(*(lambda n=n: change(f"Title {n}") for n in range(4)))
        won = [o for o in outcomes if isinstance(o, tuple)]
        assert len(won) == 1, outcomes
        assert all(isinstance(o, Stale) for o in outcomes if o not in won), round
        assert now_stands(task).title == won[0][0].title
        assert len(log(task)) == 2


def test_completing_from_many_threads_notifies_once(at, cast, inside_acme, task):
    bob = at("bob")
    write(Task.update(assigned_to=cast.bob).where(Task.id == task.id).execute)

    def complete():
        with inside(cast.acme):
            return rows.change(RULES, task.id, {"status": "completed"}, by=bob)[1]

    outcomes = together(*[complete] * 6)
    assert sum(isinstance(o, Change) for o in outcomes) == 1
    jobs.work_off()
    assert Notification.select().count() == 1


# --- many at once -------------------------------------------------------------------------------------------------


def test_a_bulk_changes_all_that_one_may_and_counts_the_rest(cast, at, inside_acme):
    mine = [make(at("bob")) for _ in range(3)]
    hers = make(at("alice"))
    with inside(cast.globex):
        foreign = make(at("charlie", "globex"))
    ids = [*(t.id for t in mine), hers.id, foreign.id, 10**6]
    batch, done, left_out = rows.bulk(RULES, ids, {"priority": "high"}, by=at("bob"))
    assert (done, len(left_out), left_out[0]) == (3, 3, "Only Alice and admins can change this.")
    assert {now_stands(t).priority for t in mine} == {"high"}
    assert now_stands(hers).priority == "medium"
    with inside(cast.globex):
        assert now_stands(foreign).priority == "medium"
    assert Change.select().where(Change.batch == batch).count() == 3


def test_a_bulk_removes_and_a_repeated_id_counts_once(at, inside_acme):
    mine = [make(at("bob")).id for _ in range(3)]
    _batch, done, left_out = rows.bulk(RULES, mine + mine[:1], {}, by=at("bob"), removing=True)
    assert (done, len(left_out)) == (3, 1)
    assert Task.select().count() == 0


def test_a_bulk_is_bounded_and_checked_first(at, task):
    with pytest.raises(Refused, match="200"):
        rows.bulk(RULES, list(range(201)), {"priority": "high"}, by=at("alice"))
    with pytest.raises(Invalid):
        rows.bulk(RULES, [task.id], {"priority": "urgent"}, by=at("alice"))
    assert now_stands(task).priority == "medium"


# --- undo ---------------------------------------------------------------------------------------------------------


def batch_of(task):
    return changes.history("task", task.id).first().batch


def test_a_change_is_taken_back_once(at, task):
    rows.change(RULES, task.id, {"title": "Other", "due_at": "2026-06-20"}, by=at("alice"))
    batch = batch_of(task)
    assert rows.undo(RULES, batch, by=at("alice")) == 1
    assert (now_stands(task).title, now_stands(task).due_at) == ("Call the printer", None)
    with pytest.raises(Refused):
        rows.undo(RULES, batch, by=at("alice"))
    assert [verb for verb, _, _ in log(task)] == ["created", "updated", "updated"]


def test_a_removed_task_comes_back_as_itself_and_is_found_by_its_words(cast, at, inside_acme):
    from domain.lists.lists import Ask, read

    form = {"description": "Long\ntext", "priority": "high", "due_at": "2026-06-20", "assigned_to": str(cast.bob.id)}
    task = make(at("alice"), "Bookbinder", **form)
    before = Task.select().where(Task.id == task.id).dicts().get()
    rows.remove(RULES, task.id, by=at("alice"))
    assert Task.select().count() == 0
    assert rows.undo(RULES, batch_of(task), by=at("alice")) == 1
    after = Task.select().where(Task.id == task.id).dicts().get()
    same = before.keys() - {"created_at", "updated_at"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert [row.id for row in read(RULES.listing, Ask(tab="all", q="bookb"), at("alice")).rows] == [task.id]
    with pytest.raises(Refused):
        rows.undo(RULES, batch_of(task), by=at("bob"))


def test_a_new_task_is_taken_back(at, task):
    assert rows.undo(RULES, batch_of(task), by=at("alice")) == 1
    assert Task.select().count() == 0


def test_a_new_task_that_somebody_changed_since_is_not_taken_back(cast, at, inside_acme):
    task = make(at("alice"), assigned_to=str(cast.bob.id))
    batch = batch_of(task)
    rows.change(RULES, task.id, {"status": "in progress"}, by=at("bob"))
    with pytest.raises(Refused):
        rows.undo(RULES, batch, by=at("alice"))
    assert now_stands(task).status == "in progress"


def test_a_bulk_is_taken_back_as_a_whole(at, inside_acme):
    mine = [make(at("bob"), f"Task {n}") for n in range(4)]
    ids = [t.id for t in mine]
    changed, done, _ = rows.bulk(RULES, ids, {"priority": "high"}, by=at("bob"))
    assert rows.undo(RULES, changed, by=at("bob")) == done == 4
    assert {t.priority for t in Task.select()} == {"medium"}
    removed, _, _ = rows.bulk(RULES, ids, {}, by=at("bob"), removing=True)
    assert Task.select().count() == 0
    assert rows.undo(RULES, removed, by=at("bob")) == 4
    assert {t.id: t.title for t in Task.select()} == {t.id: t.title for t in mine}


def test_of_a_bulk_only_what_nothing_newer_stands_on_is_taken_back(at, inside_acme):
    first, second = make(at("bob")), make(at("bob"))
    batch, _, _ = rows.bulk(RULES, [first.id, second.id], {"priority": "high"}, by=at("bob"))
    rows.change(RULES, first.id, {"priority": "low"}, by=at("bob"))
    assert rows.undo(RULES, batch, by=at("bob")) == 1
    assert [now_stands(t).priority for t in (first, second)] == ["low", "medium"]


def test_nothing_is_taken_back_where_something_newer_stands(at, task):
    rows.change(RULES, task.id, {"title": "Other"}, by=at("alice"))
    batch = batch_of(task)
    rows.change(RULES, task.id, {"title": "Newer"}, by=at("alice"))
    with pytest.raises(Refused):
        rows.undo(RULES, batch, by=at("alice"))
    assert now_stands(task).title == "Newer"


def test_nothing_is_taken_back_after_an_hour(at, cast, clock, inside_acme):
    task = make(at("alice"))
    rows.change(RULES, task.id, {"title": "Other"}, by=at("alice"))
    clock.forward(minutes=60, seconds=1)
    with pytest.raises(NotFound):
        rows.undo(RULES, batch_of(task), by=at("alice"))
    assert now_stands(task).title == "Other"


def test_nobody_takes_anothers_change_back(cast, at, task):
    rows.change(RULES, task.id, {"title": "Other"}, by=at("alice"))
    organizations.add_member(cast.acme, cast.stella, "owner", by=cast.alice)
    for name in ("bob", "stella"):
        with pytest.raises(NotFound):
            rows.undo(RULES, batch_of(task), by=at(name))
    with inside(cast.globex), pytest.raises(NotFound):
        rows.undo(RULES, "x", by=at("charlie", "globex"))
    assert now_stands(task).title == "Other"


def test_who_lost_their_right_meanwhile_takes_nothing_back(cast, at, inside_acme):
    task = make(at("bob"))
    rows.change(RULES, task.id, {"title": "Other"}, by=at("bob"))
    write(Membership.update(role="viewer").where(Membership.user == cast.bob).execute)
    with pytest.raises(Forbidden):
        rows.undo(RULES, batch_of(task), by=at("bob"))
    assert now_stands(task).title == "Other"


def test_old_history_is_removed_and_young_history_stays(at, clock, inside_acme):
    task = make(at("alice"))
    clock.forward(days=364)
    rows.change(RULES, task.id, {"title": "Other"}, by=at("alice"))
    clock.forward(days=2)
    assert jobs.run("changes") == 1
    assert [verb for verb, _, _ in log(task)] == ["updated"]


def test_an_undo_within_the_hour_works_to_the_last_second(at, clock, inside_acme):
    task = make(at("alice"))
    clock.forward(minutes=59, seconds=59)
    assert rows.undo(RULES, batch_of(task), by=at("alice")) == 1
    assert timedelta(hours=1) == rows.UNDO_FOR


def test_report_20_a_form_that_is_sent_twice_makes_one_row(at, inside_acme):
    form, key = {"title": "Once"}, "k" * 24
    first = rows.create(RULES, form, by=at("alice"), key=key)
    assert rows.create(RULES, form, by=at("alice"), key=key).id == first.id
    assert rows.create(RULES, form, by=at("bob"), key=key).id != first.id
    assert rows.create(RULES, form, by=at("alice")).id != first.id
    assert Task.select().count() == 3
    rows.remove(RULES, first.id, by=at("alice"))
    with pytest.raises(NotFound):
        rows.create(RULES, form, by=at("alice"), key=key)


def test_report_18_undo_restores_what_followed_from_the_change_too(at, task, clock):
    rows.change(RULES, task.id, {"status": "completed"}, by=at("alice"))
    completed = now_stands(task).completed_at
    clock.forward(minutes=5)
    _, reopened = rows.change(RULES, task.id, {"status": "in progress"}, by=at("alice"))
    assert now_stands(task).completed_at is None
    clock.forward(minutes=5)
    rows.undo(RULES, reopened.batch, by=at("alice"))
    assert (now_stands(task).status, now_stands(task).completed_at) == ("completed", completed)

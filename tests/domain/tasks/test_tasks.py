import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from domain import Forbidden, NotFound, Refused
from domain.base import notices
from domain.lists import rows
from domain.lists.lists import Ask
from domain.tasks import tasks
from models import Membership, Notification, Organization, Task, User
from tests.fixtures.threads import write
from views.lists.place import Place


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


def test_completing_leaves_exactly_one_notification_naming_the_new_title(cast, at, task, inside_acme):
    assert Notification.select().count() == 0
    form = {"status": "completed", "title": "Call the bookbinder"}
    write(Membership.update(role="admin").where(Membership.user == cast.bob).execute)
    rows.change(tasks.rules, task.id, form, by=at("bob"))
    rows.change(tasks.rules, task.id, form, by=at("bob"))
    assert Notification.select().count() == 0  # not inside the write
    jobs.work_off()
    (notice,) = notices.newest(cast.alice)
    assert (notice.type, notice.body) == ("task_completed", "Call the bookbinder")
    assert Notification.select().count() == 1


def test_reopening_and_completing_again_notifies_again(cast, at, task, inside_acme):
    write(Membership.update(role="admin").where(Membership.user == cast.bob).execute)
    for status in ("completed", "pending", "completed"):
        rows.change(tasks.rules, task.id, {"status": status}, by=at("bob"))
    jobs.work_off()
    assert notices.unread(cast.alice) == 2


@pytest.fixture
def own_only(cast):
    """Acme shows members only their own tasks."""
    write(Organization.update(own_tasks_only=True).where(Organization.id == cast.acme.id).execute)


def test_anothers_task_is_seen_and_who_may_change_it_is_said(cast, at, task, inside_acme):
    given = rows.create(tasks.rules, {"title": "Fold", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    for who, what, says in (
        ("dora", task, "Only Alice and admins can change this."),
        ("dora", given, "Only Alice, Bob and admins can change this."),
        (
            "vera",
            given,
            "Your role here (viewer) doesn't include: Create tasks, take them, and change own and given ones.",
        ),
    ):
        assert rows.get(tasks.rules, what.id, at(who)) == what
        with pytest.raises(Forbidden) as refused:
            rows.change(tasks.rules, what.id, {"title": "Mine now"}, by=at(who))
        assert refused.value.sentence == says
    with pytest.raises(Forbidden, match="Only Alice and admins can delete this"):
        rows.remove(tasks.rules, given.id, by=at("bob"))
    assert Task.get_by_id(task.id).title == "Call the printer"


def test_where_members_see_only_their_own_anothers_is_not_found(cast, at, task, own_only, inside_acme):
    for who in ("bob", "vera"):
        with pytest.raises(NotFound):
            rows.get(tasks.rules, task.id, at(who))
    rows.change(tasks.rules, task.id, {"assigned_to": str(cast.bob.id)}, by=at("alice"))
    assert rows.get(tasks.rules, task.id, at("bob")) == task


def test_attack_a8_words_of_tasks_one_may_not_see_are_not_offered(cast, at, own_only, inside_acme):
    rows.create(tasks.rules, {"title": "Fire her", "category": "dismissals"}, by=at("alice"))
    rows.create(tasks.rules, {"title": "Fold", "category": "print"}, by=at("bob"))
    known = {}
    for who in ("alice", "bob"):
        place = Place(tasks.rules, at(who), Ask(), "/acme/tasks")
        known[who] = place.known(tasks.listing.by_name["category"])
    assert known == {"alice": ["dismissals", "print"], "bob": ["print"]}


def test_assignee_admins_and_owners_change_everything(cast, at, task, inside_acme):
    rows.change(tasks.rules, task.id, {"assigned_to": str(cast.bob.id)}, by=at("alice"))
    everything = {"title": "Mine", "priority": "high", "due_at": "2027-01-01", "status": "completed"}
    rows.change(tasks.rules, task.id, everything, by=at("bob"))
    bobs = rows.create(tasks.rules, {"title": "Fold"}, by=at("bob"))
    rows.change(tasks.rules, bobs.id, everything, by=at("alice"))
    rows.remove(tasks.rules, bobs.id, by=at("alice"))
    assert Task.get_by_id(task.id).priority == "high"


def test_what_nobody_was_given_can_be_taken_once_and_put_back(cast, at, task, inside_acme):
    noted = tasks.take(task.id, by=at("bob"))
    assert Task.get_by_id(task.id).assigned_to == cast.bob
    with pytest.raises(Refused, match="Bob has it already"):
        tasks.take(task.id, by=at("dora"))
    rows.undo(tasks.rules, noted.batch, by=at("bob"))
    assert Task.get_by_id(task.id).assigned_to is None
    with pytest.raises(Forbidden):
        tasks.take(task.id, by=at("vera"))


def test_a_task_of_another_organization_is_out_of_reach(cast, at, task):
    with inside(cast.globex), pytest.raises(NotFound):
        rows.get(tasks.rules, task.id, at("charlie", "globex"))


def change(task, form, by):
    return rows.change(tasks.rules, task.id, form, by=by)


def notices_of(user):
    jobs.work_off()
    return [n.type for n in notices.newest(user, limit=50)][::-1]


def test_a_task_that_is_made_completed_has_moved_nowhere(cast, at, inside_acme):
    rows.create(tasks.rules, {"title": "Long done", "status": "completed"}, by=at("alice"))
    assert notices_of(cast.alice) == []


def test_completing_stamps_the_moment_and_reopening_takes_it_off(at, clock, inside_acme):
    made = rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    change(made, {"status": "completed"}, at("alice"))
    assert Task.get_by_id(made.id).completed_at == clock()
    change(made, {"status": "in progress"}, at("alice"))
    assert Task.get_by_id(made.id).completed_at is None


def test_the_owner_hears_when_the_assignee_completes(cast, at, task, inside_acme):
    change(task, {"assigned_to": str(cast.bob.id)}, at("alice"))
    change(task, {"status": "completed"}, at("bob"))
    assert notices_of(cast.alice) == ["task_completed"]
    assert notices_of(cast.bob) == ["task_assigned"]


def test_an_assignee_is_told_once_and_again_when_assigned_anew(cast, at, task, inside_acme):
    for _ in range(3):
        change(task, {"assigned_to": str(cast.bob.id)}, at("alice"))
    assert notices_of(cast.bob) == ["task_assigned"]
    change(task, {"title": "Other"}, at("alice"))
    assert notices_of(cast.bob) == ["task_assigned"]
    change(task, {"assigned_to": str(cast.dora.id)}, at("alice"))
    change(task, {"assigned_to": str(cast.bob.id)}, at("alice"))
    assert notices_of(cast.bob) == ["task_assigned"] * 2
    assert notices_of(cast.dora) == ["task_assigned"]


def test_a_task_made_for_somebody_tells_them_and_one_for_oneself_nobody(cast, at, inside_acme):
    rows.create(tasks.rules, {"title": "Yours", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    rows.create(tasks.rules, {"title": "Mine", "assigned_to": str(cast.alice.id)}, by=at("alice"))
    assert (notices_of(cast.bob), notices_of(cast.alice)) == (["task_assigned"], [])


def due(clock, **delta):
    return (clock() + timedelta(**delta)).isoformat()


def test_one_reminder_a_due_date_and_another_when_it_moves(cast, at, clock, inside_acme):
    made = rows.create(tasks.rules, {"title": "Call", "due_at": due(clock, hours=30)}, by=at("alice"))
    jobs.run("reminders")
    assert notices_of(cast.alice) == []
    clock.forward(hours=7)
    assert jobs.run("reminders") == 1
    assert jobs.run("reminders") == 0
    assert notices_of(cast.alice) == ["task_due"]
    change(made, {"title": "Call again"}, at("alice"))
    assert jobs.run("reminders") == 0
    change(made, {"due_at": due(clock, hours=20)}, at("alice"))
    assert jobs.run("reminders") == 1
    assert notices_of(cast.alice) == ["task_due"] * 2


def test_letters_about_a_task_tell_when_it_is_due_on_the_readers_clock(cast, at, inside_acme, letters):
    write(User.update(timezone="Asia/Tokyo").where(User.id == cast.bob.id).execute)
    form = {"title": "Call", "assigned_to": str(cast.bob.id), "due_at": "2026-07-01T23:00:00+00:00"}
    rows.create(tasks.rules, form, by=at("alice"))
    rows.create(tasks.rules, form | {"title": "Write", "due_at": "2026-07-02"}, by=at("alice"))
    moment, day = (text for _, _, text in letters())
    assert "Call (due 2 July 2026, 08:00 Tokyo time)" in moment
    assert "Write (due 2 July 2026)" in day


def test_reminders_go_to_the_assignee_in_every_organization_and_leave_what_is_closed(cast, at, clock):
    with inside(cast.acme):
        form = {"title": "For bob", "due_at": due(clock, hours=2)}
        rows.create(tasks.rules, form | {"assigned_to": str(cast.bob.id)}, by=at("alice"))
        for status in ("completed", "cancelled"):
            rows.create(tasks.rules, form | {"status": status}, by=at("dora"))
        rows.create(tasks.rules, {"title": "No date"}, by=at("dora"))
    with inside(cast.globex):
        rows.create(tasks.rules, {"title": "Theirs", "due_at": due(clock, hours=3)}, by=at("charlie", "globex"))
    assert jobs.run("reminders") == 2
    jobs.work_off()
    assert "task_due" in notices_of(cast.bob)
    assert notices_of(cast.charlie) == ["task_due"]
    assert "task_due" not in notices_of(cast.alice) + notices_of(cast.dora)
    (reminder,) = Notification.select().where(Notification.recipient == cast.charlie)
    assert reminder.link.startswith("/globex/tasks/")
    assert reminder.organization == cast.globex


def test_reminders_come_in_batches_within_one_run(cast, at, clock, monkeypatch, inside_acme):
    in_threes = dataclasses.replace(jobs.BY_NAME["reminders"], work=jobs.batches(3, tasks.remind))
    monkeypatch.setitem(jobs.BY_NAME, "reminders", in_threes)
    for number in range(10):
        rows.create(tasks.rules, {"title": f"T{number}", "due_at": due(clock, hours=1)}, by=at("alice"))
    assert jobs.run("reminders") == 10
    assert notices_of(cast.alice) == ["task_due"] * 10


def test_a_task_knows_whether_it_is_overdue(at, clock, inside_acme):
    made = rows.create(tasks.rules, {"title": "Call", "due_at": due(clock, hours=1)}, by=at("alice"))
    assert not Task.get_by_id(made.id).is_overdue
    clock.forward(hours=2)
    assert Task.get_by_id(made.id).is_overdue
    change(made, {"status": "cancelled"}, at("alice"))
    assert not Task.get_by_id(made.id).is_overdue

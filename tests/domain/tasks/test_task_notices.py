"""Who hears of tasks: others than who did it, and only who still belongs to the organization."""

from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from domain import Refused
from domain.base import notices, outgoing
from domain.lists import rows
from domain.tasks import tasks
from models import Membership, Notification, Organization, Outgoing, Task
from tests.fixtures.threads import write


def heard(user):
    jobs.work_off()
    return [n.type for n in notices.newest(user, limit=50)][::-1]


def leaves(cast, who):
    write(
        Membership.delete().where(Membership.user == getattr(cast, who), Membership.organization == cast.acme).execute
    )


@pytest.fixture
def given(cast, at, inside_acme):
    return rows.create(tasks.rules, {"title": "Fold", "assigned_to": str(cast.bob.id)}, by=at("alice"))


def test_report_27_nobody_hears_of_their_own_acts(cast, at, inside_acme):
    task = rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    rows.change(tasks.rules, task.id, {"status": "completed"}, by=at("alice"))
    assert heard(cast.alice) == []


def test_who_made_it_and_who_has_it_hear_of_what_another_did(cast, at, given):
    assert heard(cast.bob) == ["task_assigned"]
    write(Membership.update(role="admin").where(Membership.user == cast.dora).execute)
    rows.change(tasks.rules, given.id, {"status": "completed"}, by=at("dora"))
    assert (heard(cast.alice), heard(cast.bob)) == (["task_completed"], ["task_assigned", "task_completed"])
    notice = notices.newest(cast.alice)[0]
    assert (notice.title, notice.organization.name) == ("Dora completed a task", cast.acme.name)


def test_who_is_given_a_task_gets_a_letter_once(cast, at, given):
    letters = Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == cast.bob.email)
    (letter,) = letters
    assert letter.payload["values"]["link"].endswith(f"/acme/tasks/{given.id}")
    rows.change(tasks.rules, given.id, {"title": "Fold it"}, by=at("alice"))
    assert letters.count() == 1


def test_attack_a1_who_has_left_hears_nothing_more(cast, at, given):
    for act in (
        lambda: rows.change(tasks.rules, given.id, {"status": "completed"}, by=at("bob")),
        lambda: rows.change(tasks.rules, given.id, {"assigned_to": str(cast.dora.id)}, by=at("alice")),
    ):
        act()
    leaves(cast, "bob")
    write(Membership.update(role="owner").where(Membership.user == cast.dora).execute)
    leaves(cast, "alice")
    assert heard(cast.alice) + heard(cast.bob) == []
    assert [o.error for o in Outgoing.select().where(Outgoing.status == "queued")] == []


def test_attack_a1_a_reminder_goes_to_who_is_still_there_or_to_nobody(cast, at, clock, inside_acme):
    form = {"title": "Fold", "assigned_to": str(cast.bob.id), "due_at": (clock() + timedelta(hours=2)).isoformat()}
    rows.create(tasks.rules, form, by=at("dora"))
    rows.create(tasks.rules, form, by=at("bob"))
    jobs.work_off()
    leaves(cast, "bob")
    jobs.run("reminders")
    assert heard(cast.dora) == ["task_due"]
    assert "task_due" not in heard(cast.bob)


@pytest.mark.parametrize("status", ["suspended", "deleted"])
def test_attack_a1_an_organization_that_stands_still_reminds_nobody(cast, at, clock, status):
    with inside(cast.acme):
        due = (clock() + timedelta(hours=2)).isoformat()
        rows.create(tasks.rules, {"title": "Fold", "due_at": due}, by=at("bob"))
        rows.create(tasks.rules, {"title": "Cut", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    write(Organization.update(status=status).where(Organization.id == cast.acme.id).execute)
    jobs.run("reminders")
    assert heard(cast.bob) == []
    assert Notification.select().count() == 0


def test_attack_a1_undo_puts_nobody_back_who_has_left(cast, at, given):
    batch = rows.bulk(tasks.rules, [given.id], {"assigned_to": ""}, by=at("alice"))[0]
    gone = rows.create(tasks.rules, {"title": "Cut", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    removed = rows.remove(tasks.rules, gone.id, by=at("alice"))
    leaves(cast, "bob")
    rows.undo(tasks.rules, removed.batch, by=at("alice"))
    assert Task.get_by_id(gone.id).assigned_to is None
    with pytest.raises(Refused, match="nothing was put back"):
        rows.undo(tasks.rules, batch, by=at("alice"))
    assert Task.get_by_id(given.id).assigned_to is None


def test_belonging_is_a_seat_or_a_workspace_in_an_organization_that_goes_on(cast):
    assert outgoing.belongs(cast.bob.id, cast.acme.id)
    assert not outgoing.belongs(cast.charlie.id, cast.acme.id)
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    assert not outgoing.belongs(cast.bob.id, cast.acme.id)

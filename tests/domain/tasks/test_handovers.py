import pytest

import jobs
from domain import Forbidden, Invalid
from domain.base import notices
from domain.lists import rows
from domain.tasks import handovers, tasks
from models import Membership, Task
from tests.fixtures.threads import write


@pytest.fixture
def left(cast, at, inside_acme):
    """Bob has left: two open tasks were his (one given, one made), one is done."""
    given = rows.create(tasks.rules, {"title": "Given", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    made = rows.create(tasks.rules, {"title": "Made"}, by=at("bob"))
    rows.create(tasks.rules, {"title": "Done", "status": "completed"}, by=at("bob"))
    write(Membership.delete().where(Membership.user == cast.bob, Membership.organization == cast.acme).execute)
    return {given.id, made.id}


def test_what_a_leaver_left_open_is_shown_to_who_may_reassign(cast, at, left):
    assert handovers.left_behind(at("alice")) == [(cast.bob.id, "Bob", 2)]
    assert handovers.left_behind(at("dora")) == []


def test_all_of_it_is_given_to_a_member_in_one_act(cast, at, left):
    assert handovers.hand_over(cast.bob.id, str(cast.dora.id), by=at("alice")) == 2
    assert {task.id for task in Task.select().where(Task.assigned_to == cast.dora)} == left
    assert handovers.left_behind(at("alice")) == []
    assert handovers.hand_over(cast.bob.id, str(cast.dora.id), by=at("alice")) == 0
    jobs.work_off()
    assert [n.type for n in notices.newest(cast.dora)] == ["task_assigned"] * 2


def test_only_owners_and_admins_give_it_and_only_to_a_member(cast, at, left):
    with pytest.raises(Forbidden):
        handovers.hand_over(cast.bob.id, str(cast.dora.id), by=at("dora"))
    for nobody in (cast.charlie.id, cast.bob.id, "", "x"):
        with pytest.raises(Invalid):
            handovers.hand_over(cast.bob.id, str(nobody), by=at("alice"))


def test_the_members_page_offers_it(cast, at, left, browse):
    alice = browse("alice")
    assert "with 2 open tasks" in alice.get("/acme/members").get_data(True)
    assert "Reassign" not in browse("dora").get("/acme/members").get_data(True)
    alice.post("/acme/handover", data={"from": cast.bob.id, "to": cast.dora.id})
    assert "Reassign" not in alice.get("/acme/members").get_data(True)

"""Rules of a table through their page."""

import pytest

from database.scope import inside
from domain.records import collections
from models import RecordRule


@pytest.fixture
def repairs(cast, at):
    with inside(cast.acme):
        return collections.make("Repairs", by=at("alice"), fields=(("Name", "text"), ("Budget", "text")))


RULE = {"who": "role:member", "sees": "all", "changes": "mine", "adds": "1", "others": "change", "field_2": "nothing"}
HERE = "/acme/records/repairs/rules"


def test_a_rule_is_written_said_and_taken_back(browse, repairs, cast):
    alice = browse("alice")
    assert "There is no rule" in alice.get(HERE).text
    assert "The rule for members" in alice.get(HERE + "?who=role:member").text
    assert alice.post(HERE, data=RULE).status_code == 303
    assert "Members see all rows, with all fields but Budget." in alice.get(HERE).text
    assert "Budget" not in browse("bob").get("/acme/records/repairs").text
    alice.post(HERE + "/removal", data={"who": "role:member"})
    with inside(cast.acme):
        assert RecordRule.select().count() == 0


def test_a_rule_that_cannot_be_keeps_what_was_ticked(browse, repairs):
    answer = browse("alice").post(HERE, data=RULE | {"sees": "some"})
    assert answer.status_code == 422
    assert "Tick at least one condition" in answer.text
    assert 'name="changes" value="mine" checked' in answer.text


def test_why_somebody_sees_a_row(browse, repairs, cast):
    alice = browse("alice")
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    text = alice.get(f"{HERE}?person={cast.bob.id}&row=1").text
    assert "Yes: they see it." in text
    assert "There is no rule for them" in text
    assert alice.get(HERE + "?who=role:owner").status_code == 404
    assert alice.get(HERE + "?who=user:x").status_code == 404

"""Why somebody sees a row or doesn't, and what of it they may change."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import NotFound
from domain.lists import rows
from domain.records import collections, kind_changes, listings, rules
from domain.records.rows import explanations
from models import Record


@pytest.fixture
def offers(at, inside_acme, cast):
    """A of alice's, C of bob's, D that is bob's to hold; bob sees what he made or holds, without Budget."""
    fields = (("Name", "text"), ("Owner", "person"), ("Budget", "text"))
    table = collections.make("Offers", by=at("alice"), fields=fields)
    made = {}
    for by, name, owner in ((at("alice"), "A", ""), (at("bob"), "C", ""), (at("alice"), "D", str(cast.bob.id))):
        made[name] = rows.create(listings.of(table, by), {"f1": name, "f2": owner}, by=by)
    return made


def rule(at, who="role:member", where=("or~made~any_of~me", "or~2~any_of~me"), **changes):
    form = {"sees": "some", "changes": "mine", "adds": "1", "others": "change", "field_3": "nothing"} | changes
    form = MultiDict([*form.items(), *(("where", one) for one in where)])
    return rules.change("offers", who, form, by=at("alice"))


def test_each_condition_is_answered_and_what_of_the_row_is_theirs_is_said(offers, at):
    made = rule(at)
    shape = listings.find("offers", at("alice")).listing.source.shape
    assert explanations.explain("offers", at("bob"), offers["A"].id) == (
        False,
        [
            "Bob is a member here.",
            rules.sentence(made, shape, {}),
            "They made it themselves: no.",
            "Owner is themselves: no.",
            "So the row does not meet what is asked.",
        ],
    )
    sees, steps = explanations.explain("offers", at("bob"), offers["D"].id)
    assert sees
    assert steps[2:] == [
        "They made it themselves: no.",
        "Owner is themselves: yes.",
        "So the row meets what is asked.",
        "They don't see its Budget.",
        "They change nothing of it.",
        "They can't put it into the trash.",
    ]
    sees, steps = explanations.explain("offers", at("bob"), offers["C"].id)
    assert (sees, steps[-2:]) == (True, ["They change it.", "They can't put it into the trash."])
    assert explanations.explain("offers", at("alice"), offers["A"].id) == (
        True,
        ["Alice is an owner here.", "Owners and admins see all rows and change them."],
    )


def test_what_else_stands_in_the_way_is_said(offers, at, cast):
    bob, id = at("bob"), offers["A"].id
    assert explanations.explain("offers", bob, 999)[1][-1] == "There is no row 999 in this table."
    assert explanations.explain("offers", at("vera"), id) == (
        True,
        [
            "Vera is a viewer here.",
            "There is no rule for them: viewers see all rows.",
            "They change nothing of it.",
            "They can't put it into the trash.",
        ],
    )
    rule(at)
    rule(at, f"user:{cast.bob.id}", sees="none")
    sees, steps = explanations.explain("offers", bob, id)
    assert (sees, steps[1:]) == (
        False,
        ["They have a rule of their own, which stands instead of that for members.", "Bob sees nothing of this table."],
    )
    rule(at, f"user:{cast.bob.id}", where=["and~2~any_of~me"])
    kind_changes.begin("offers", 2, "text", by=at("alice"))
    while kind_changes.work():
        pass
    assert "of another kind" in explanations.explain("offers", bob, id)[1][-1]
    table = listings.find("offers", at("alice"))
    rows.remove(table, id, by=at("alice"))
    assert "trash" in explanations.explain("offers", bob, id)[1][-1]
    assert Record.select().count() == 3
    with pytest.raises(NotFound):
        explanations.explain("nothing", bob, id)

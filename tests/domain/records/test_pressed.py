"""Buttons go along in a table's ZIP, and press what stands in the new table."""

from domain.lists import rows
from domain.records import collections
from domain.records.archives import pressed
from domain.records.handling import buttons
from models import LongJob, RecordField
from tests.domain.records.test_returning import by, of, packed, restored  # noqa: F401

FIELDS = (("Name", "text"), ("State", "choice", ("New", "Done")), ("Who", "person"), ("Done on", "day"))


def numbers(table):
    return {field.label: field.id for field in collections.fields(table)}


def test_buttons_come_back_and_press_the_new_table(by, cast):  # noqa: F811
    table = collections.make("Repairs", by=by, fields=FIELDS)
    known = numbers(table)
    done = {"does": "set", "confirm": "1", "field_0": str(known["State"]), "value_0": "Done"}
    done |= {"field_1": str(known["Done on"]), "value_1": "today", "field_2": str(known["Who"]), "value_2": "me"}
    buttons.add(table.slug, "It is done", done, by=by)
    buttons.add(table.slug, "Look it up", {"does": "open", "address": "https://example.org/?q={Name}"}, by=by)
    (again,) = restored(by, packed(by, table))
    assert [one["says"] | {"field_0": 0, "field_1": 0, "field_2": 0} for one in pressed.said(again)[:1]] == [
        pressed.said(table)[0]["says"] | {"field_0": 0, "field_1": 0, "field_2": 0}
    ]
    assert pressed.said(again)[1]["says"] == pressed.said(table)[1]["says"]
    there = numbers(again)
    made = RecordField.get_by_id(there["It is done"])
    assert [one[0] for one in made.options["sets"]] == [there["State"], there["Done on"], there["Who"]]
    rules = of(again, by)
    row = rows.create(rules, {rules.listing.first: "Lamp"}, by=by)
    rows.act(rules, f"buttons/{there['It is done']}", [row.id], by=by)
    assert of(again, by).listing.source.get_many([row.id])[row.id].value(f"f{there['Who']}") == cast.alice.id


def test_a_button_that_gives_what_is_not_here_stays_away(by, cast):  # noqa: F811
    table = collections.make("Repairs", by=by, fields=FIELDS)
    known = numbers(table)
    gives = {"does": "set", "field_0": str(known["State"]), "value_0": "Done"}
    buttons.add(table.slug, "It is done", gives, by=by)
    shape = {"id": 1, "buttons": [{"id": 9, "label": "x", "says": gives | {"value_0": "Gone"}}]}
    facts = {"tables": {"1": table.id}, "fields": {str(known["State"]): known["State"]}}
    job = LongJob(facts=facts)
    pressed.make([shape], job, lambda _, more: facts.update(more), by)
    assert facts["fields"]["9"] is None
    assert sum(field.kind == "button" for field in collections.fields(table)) == 1

"""Pages that were drawn before their table changed: each is answered with a sentence, and nothing is lost."""

import re

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, field_changes, kind_changes, listings, rules
from models import Record
from tests.domain.records.test_rules import RULE

URL = "/acme/records/repairs"
DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def changed(cast, at):
    """A row of a table of which a field was put away since and another became a number."""
    with inside(cast.acme):
        by = at("alice")
        fields = (("Name", "text"), ("State", "choice", ("New", "Done")), ("On", "day"), ("Count", "text"))
        table = collections.make("Repairs", by=by, fields=fields)
        row = rows.create(listings.of(table, by), {"f1": "Toaster", "f4": "ca. 3"}, by=by)
        field_changes.put_away("repairs", 3, by=by)
        kind_changes.begin("repairs", 4, "number", by=by)
        while kind_changes.work():
            pass
        return row.id


@pytest.fixture
def stored(cast):
    def read():
        with inside(cast.acme):
            return list(Record.select(Record.id, Record.cells, Record.version).order_by(Record.id).tuples())

    return read


def test_an_old_page_is_told_what_is_not_here_any_more(browse, changed, stored):
    for headers in [{}, DIALOG]:
        for to, form, status, said in [
            ("", {"f1": "Kettle", "f3": "2026-03-01"}, 422, "no field takes “2026-03-01” any more"),
            ("", {"f1": "Kettle", "f4": "three"}, 422, "Write a number"),
            ("/{id}", {"f1": "Kettle", "f3": "2026-03-01", "was_f3": ""}, 422, "no field takes “2026-03-01” any more"),
            ("/{id}", {"f4": "ca. 4", "was_f4": "ca. 3"}, 422, "Write a number"),
            ("/{id}/cells/f3", {"f3": "2026-03-01", "was": ""}, 404, ""),
            ("/{id}/cells/f4", {"f4": "4 pieces", "was": "ca. 3"}, 422, "Write a number"),
            ("/bulk", {"ids": ["{id}"], "act": "f3", "to_f3": "2026-03-01"}, 422, "Choose what to change"),
            ("/{id}/day", {"on": "f3", "day": "2026-03-01"}, 404, ""),
        ]:
            stood = stored()
            form = {
                name: [v.format(id=changed) for v in text] if isinstance(text, list) else text
                for name, text in form.items()
            }
            answer = browse("alice").post(URL + to.format(id=changed), data=form, headers=headers)
            assert answer.status_code == status, (headers, to, form, status, said)
            assert said in answer.text, (headers, to, form, status, said)
            assert stored() == stood, (headers, to, form, status, said)


def test_what_was_said_back_is_saved_by_sending_the_rest(browse, changed, stored):
    alice = browse("alice")
    again = alice.post(URL, data={"f1": "Kettle", "f3": "2026-03-01"}, headers=DIALOG).text
    assert 'value="Kettle"' in again
    assert 'name="f3"' not in again
    assert alice.post(URL, data={"f1": "Kettle", "f3": " "}).status_code == 303
    assert len(stored()) == 2


def test_a_hidden_field_and_one_that_never_was_are_answered_alike(browse, changed, cast, at):
    with inside(cast.acme):
        rules.change("repairs", "role:member", MultiDict(RULE | {"field_2": "nothing"}), by=at("alice"))
    answers = [browse("bob").post(URL, data={"f1": "Kettle", name: "Done"}, headers=DIALOG) for name in ("f2", "f99")]
    keys = re.compile(r'name="form_key" value="[^"]+"')
    assert [one.status_code for one in answers] == [422, 422]
    assert len({keys.sub("", one.text) for one in answers}) == 1

"""What fields of a row become, as a form says it: read as far as it can be without a row, the rest when it is done."""

import pytest

from domain import Invalid, NotFound
from domain.automations import pairs, sources, steps
from domain.lists import rows
from domain.tasks import tasks

pytestmark = pytest.mark.usefixtures("inside_acme")


def test_each_field_has_its_sentence_and_none_at_all_has_one(at):
    source, problems = sources.find("task", at("alice")), {}
    form = {"f0": "status", "v0": "Nowhere", "f1": "title", "v1": " ", "f2": "created_at", "v2": "x", "f4": "due_at"}
    assert pairs.read(form, source, source, problems) == [["due_at", ""]]
    assert problems.keys() == {"v0", "v1", "f2"}
    assert pairs.read({}, source, source, none := {}) == []
    assert none == {"f0": "Choose at least one field."}


def test_words_that_fit_no_field_are_refused_when_it_is_done_and_a_field_that_went_too(at):
    by = at("alice")
    source, row = sources.find("task", by), rows.create(tasks.rules, {"title": "Call"}, by=by)
    here = steps.At(source, row, by)
    assert pairs.form_of([["description", "{title}!"], ["due_at", ""]], source, here) == {
        "description": "Call!",
        "due_at": "",
    }
    with pytest.raises(Invalid) as refused:
        pairs.form_of([["status", "{title}"]], source, here)
    assert refused.value.fields["status"].startswith("Status: ")
    with pytest.raises(NotFound):
        pairs.form_of([["gone", "x"]], source, here)

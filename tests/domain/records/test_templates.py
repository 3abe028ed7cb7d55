import pytest

from domain import NotFound, Refused
from domain.base import settings
from domain.fields.records import registry
from domain.records import collections, field_changes, templates
from models import Record, RecordOption


@pytest.mark.parametrize("template", templates.TEMPLATES, ids=lambda one: one.key)
def test_every_template_makes_its_table(template, at, inside_acme):
    made = templates.make(template.key, by=at("alice"))
    assert [f.label for f in collections.fields(made)] == [label for label, *_ in template.fields]
    assert {f.kind for f in collections.fields(made)} <= registry.KINDS.keys()


def test_words_that_say_how_things_stand_have_their_colour(at, inside_acme):
    templates.make("inventory", by=at("alice"))
    tones = {option.label: option.tone for option in RecordOption.select()}
    assert (tones["Ready"], tones["Lent"], tones["Broken"]) == ("good", "warn", "bad")


def test_there_is_no_other(at, inside_acme):
    with pytest.raises(NotFound):
        templates.make("nothing", by=at("alice"))


def test_demo_records_are_offered_where_there_is_nothing_and_go_in_one(at, inside_acme):
    by = at("alice")
    assert templates.offers_demo(by)
    made = templates.make_demo(by=by)
    assert [f.label for f in collections.fields(made)] == ["Title", "Status", "Creator"]
    assert [word.label for word in collections.fields(made)[1].words] == ["open", "in_progress", "done"]
    assert Record.select().where(Record.created_by == by.user).count() == len(templates.DEMO_ROWS)
    assert not templates.offers_demo(by)
    with pytest.raises(Refused):
        templates.make_demo(by=by)
    field_changes.put_table_away(made.slug, by=by)
    assert (collections.present(by), templates.offers_demo(by)) == ([], True)
    assert not templates.offers_demo(at("bob"))
    settings.change("records_demo", "off", by=by.user)
    assert not templates.offers_demo(by)

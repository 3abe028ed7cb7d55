import pytest

from domain import NotFound
from domain.fields.records import registry
from domain.records import collections, templates


@pytest.mark.parametrize("template", templates.TEMPLATES, ids=lambda one: one.key)
def test_every_template_makes_its_table(template, at, inside_acme):
    made = templates.make(template.key, by=at("alice"))
    assert [f.label for f in collections.fields(made)] == [label for label, *_ in template.fields]
    assert {f.kind for f in collections.fields(made)} <= registry.KINDS.keys()


def test_there_is_no_other(at, inside_acme):
    with pytest.raises(NotFound):
        templates.make("nothing", by=at("alice"))

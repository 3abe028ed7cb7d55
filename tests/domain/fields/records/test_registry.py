import pytest

from domain.fields.records import registry


@pytest.mark.parametrize("name", registry.KINDS)
def test_every_kind_is_made_and_says_what_it_is(name):
    offered, kind = registry.KINDS[name], registry.made(name, {})
    assert offered.label
    assert offered.example
    assert kind.plain(None) == ""
    assert kind.stored(None) is None

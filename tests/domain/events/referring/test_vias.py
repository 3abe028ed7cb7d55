"""Codes by which people come."""

from domain.events.referring import vias
from tests.fixtures.events import make_event


def test_a_code_is_one_of_a_person_and_an_event(night, at, cast):
    event, _ = night
    assert not vias.has_any(event)
    ada = vias.of(event, email="Ada@example.org")
    assert vias.has_any(event)
    assert vias.read(f" {ada.code.upper()} ") == ada.code
    assert vias.of(event, email="ada@EXAMPLE.org").id == ada.id
    bob = vias.of(event, user=cast.bob)
    assert vias.of(event, user=cast.bob).id == bob.id != ada.id
    assert vias.of(event).id != vias.of(event).id  # who isn't known
    other, _ = make_event(at("alice"), title="Another")
    assert vias.of(other, email="ada@example.org").id != ada.id
    for text in ("", "abcdefgh", "bcdf", ada.code + "b", None, "🙂"):
        assert vias.read(text) == ""


def test_through_whom_somebody_came_is_kept_when_their_code_is_made(night):
    event, _ = night
    ada = vias.of(event, email="ada@example.org")
    bo = vias.of(event, email="bo@example.org", through=ada.code)
    assert bo.parent_id == ada.id
    assert vias.of(event, email="bo@example.org", through="bcdfghjk").parent_id == ada.id  # once
    assert vias.of(event, email="cy@example.org", through="bcdfghjk").parent_id is None

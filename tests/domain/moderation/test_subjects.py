"""What may be reported is what strangers see."""

import pytest

from domain import NotFound
from domain.moderation import subjects
from tests.fixtures.events import make_event


def test_what_nobody_sees_is_not_reported(night, at):
    draft, _ = make_event(at("alice"), publish=False, title="Secret")
    for kind, name in (("event", draft.slug), ("event", "nothing"), ("sandwich", "x"), ("organization", "nobody")):
        with pytest.raises(NotFound):
            subjects.find(kind, name)


def test_a_kind_that_the_table_does_not_know_is_refused_at_import():
    with pytest.raises(ValueError, match="sandwich"):
        subjects.declare(subjects.Subject("sandwich", "this sandwich", None, None))

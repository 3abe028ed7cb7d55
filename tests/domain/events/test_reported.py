"""An event's page, and its organizer's name, as they are hidden."""

from domain.events import reported
from domain.moderation import reports, subjects


def test_a_hidden_name_hides_the_name_and_not_the_event(night, cast):
    seen = subjects.find("organization", cast.acme.public_id)
    for one in "abc":
        reports.report(seen, {"reason": "fraud"}, by=one)
    assert reported.organizer(reported.open_page(night[0].slug).event) == reported.NAMELESS

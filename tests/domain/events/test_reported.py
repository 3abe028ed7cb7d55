"""An event's page, and its organizer's name, as they are hidden."""

import dataclasses
import email
from email import policy

import pytest

import jobs
from domain import Refused
from domain.base import configuration, mail
from domain.events import holds, orders, payments, reported
from domain.events.line import places
from domain.moderation import reports, subjects
from domain.organizations import logos
from models import Place
from tests.domain.organizations.test_logos import wide
from tests.fixtures.events import ordered


def test_a_hidden_name_hides_the_name_and_not_the_event(night, cast):
    seen = subjects.find("organization", cast.acme.public_id)
    for one in "abc":
        reports.report(seen, {"reason": "fraud"}, by=one)
    assert reported.organizer(reported.open_page(night[0].slug).event) == reported.NAMELESS


def test_of_a_hidden_event_nothing_is_sold_in_its_line_either(night, at):
    event, tier = night
    order = holds.hold(event.id, {tier.id: 5})
    waiting = places.join(event.id, {tier.id: 1}).id
    seen = subjects.find("event", event.slug)
    for one in "abc":
        reports.report(seen, {"reason": "fraud"}, by=one)
    orders.cancel(order.id, by=at("alice"))  # so there is room
    assert Place.get_by_id(waiting).state == "waiting"
    with pytest.raises(Refused):
        places.join(event.id, {tier.id: 1})


def test_letters_about_an_event_bear_the_logo_and_can_be_read_without(night, at, cast):
    logos.put(wide(), "acme.png", by=at("alice"))
    event, tier = night
    assert reported.emblem(event) is None  # mail programs fetch by HTTPS alone
    configuration.use(dataclasses.replace(configuration.active, site_url="https://hall.test"))
    payments.take_free(ordered(event, tier, "ada").id)
    jobs.work_off()
    (path,) = mail.outbox().glob("*.eml")
    letter = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    text, html = (letter.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert f'src="https://hall.test/organizations/{cast.acme.public_id}/logo.png?{logos.sha256()[:12]}"' in html
    assert ">Acme</td>" in html  # beside the picture, which most programs show only when they are asked
    assert "logo" not in text
    seen = subjects.find("organization", cast.acme.public_id)
    for one in "abc":
        reports.report(seen, {"reason": "fraud"}, by=one)
    assert reported.emblem(event) is None

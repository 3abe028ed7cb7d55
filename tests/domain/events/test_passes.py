"""A pass is made once for each ticket, and opens to who has its address."""

import pytest

from domain import Forbidden, NotFound, Refused
from domain.events import codes, holds, passes
from domain.events.carriers import prints
from tests.domain.events.test_stock import bought, figures
from tests.fixtures.threads import write


def test_they_are_made_once(night):
    event, tier = night
    order = bought(event, tier, 3)
    assert write(passes.issue, order, holds.standing(order)) == []
    assert len({one.serial for one in passes.of(order)}) == 3


def test_its_serial_alone_opens_nothing(night):
    event, tier = night
    (one,) = passes.of(bought(event, tier))
    serial, key = passes.address(one).split("/")[2:]
    assert passes.find(serial, key).id == one.id
    for wrong in ("", serial, key[:-1], "é"):
        with pytest.raises(NotFound):
            passes.find(serial, wrong)


def test_its_serial_is_one_that_codes_carry(night):
    event, tier = night
    (one,) = passes.of(bought(event, tier))
    assert codes.code(event.id, tier.id, one.serial).startswith("GH1:")


def test_event_case_05_another_name_takes_no_ticket(night, at):
    event, tier = night
    (one, *_) = passes.of(bought(event, tier, 5))  # sold out
    passes.rename(one.id, "Grace Hopper", by=at("alice"))
    assert figures(event) == [(0, 5)]
    with pytest.raises(Forbidden):
        passes.rename(one.id, "Vera", by=at("vera"))
    write(passes.void, one, "organizer")
    with pytest.raises(Refused):
        passes.rename(one.id, "Nobody", by=at("alice"))


def test_more_tickets_than_a_pdf_holds_are_refused_with_a_sentence(night, monkeypatch):
    event, tier = night
    monkeypatch.setattr(prints, "MOST", 1)
    with pytest.raises(Refused, match="one by one"):
        passes.printed(event, passes.of(bought(event, tier, 2)), "")

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, Refused
from domain.fields.forms import read_form, read_whole
from domain.fields.kinds import Field, Kind
from domain.fields.number import Number
from domain.fields.text import Text

FIELDS = (Field("name", "Name", Text(20), True), Field("seats", "Seats", Number(1, 9), default=2))


class Several(Kind):
    several = True

    def read(self, text):
        return text


def test_what_was_not_sent_stays_out_and_what_was_emptied_is_the_default():
    assert read_form(FIELDS, {"seats": " 3 ", "other": "x"}) == {"seats": 3}
    assert read_form(FIELDS, {"name": "A", "seats": ""}) == {"name": "A", "seats": 2}
    assert read_form(FIELDS, {"name": "A", "seats": "x"}, only=("name",)) == {"name": "A"}
    assert read_form(FIELDS, {"name": "A"}, only=()) == {}


def test_all_that_is_wrong_is_said_at_once_by_field():
    with pytest.raises(Invalid) as caught:
        read_form(FIELDS, {"name": " ", "seats": "10"})
    assert caught.value.fields == {"name": "Name can't be empty.", "seats": "Choose a number from 1 to 9."}
    assert caught.value.details == {}


def test_of_a_whole_form_nothing_may_be_left_out():
    assert read_whole(FIELDS, {"name": "A"}) == {"name": "A", "seats": 2}
    with pytest.raises(Invalid) as caught:
        read_whole(FIELDS, {})
    assert caught.value.fields.keys() == {"name"}


def test_the_sentences_of_a_refusal_stand_in_one_place():
    assert Refused("No.", fields={"a": "Not this."}).beside() == {"a": "Not this."}
    assert Refused("No.").beside() == {"form": "No."}
    assert Refused("No.").beside("code") == {"code": "No."}
    assert "fields" not in Refused("No.", fields={"a": "b"}).details


def test_several_answers_are_read_as_a_list():
    field = Field("days", "Days", Several())
    assert read_form((field,), MultiDict([("days", "mon"), ("days", "tue")])) == {"days": ["mon", "tue"]}
    assert read_whole((field,), MultiDict()) == {"days": None}

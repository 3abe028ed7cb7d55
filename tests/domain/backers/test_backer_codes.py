import dataclasses

import pytest

from domain import Invalid
from domain.backers import backer_codes
from domain.base import configuration
from domain.fields.forms import read_form

pytestmark = pytest.mark.usefixtures("house")


def test_what_is_stored_is_worth_nothing_without_the_key():
    same = backer_codes.hashed("Ada", "Ada-7Q2M")
    assert backer_codes.hashed("ADA ", "Ada-7Q2M") == same
    assert backer_codes.hashed("Ada", "ada-7q2m") != same
    assert backer_codes.hashed("Bea", "Ada-7Q2M") != same  # equal codes of two people don't show
    configuration.use(dataclasses.replace(configuration.active, secret_key="z" * 40))
    assert backer_codes.hashed("Ada", "Ada-7Q2M") != same


def test_a_made_code_is_read_aloud_without_mistakes():
    assert backer_codes.spelled(0) == "AAAA-AAAA-AAAA-AAAA"
    assert set(backer_codes.spelled(2**128 - 1)) <= set("ABCDEFGHJKMNPQRSTVWXYZ23456789-")


@pytest.mark.parametrize(
    ("name", "text"), [("username", " "), ("username", "x" * 81), ("code", "abc"), ("code", "a b c d")]
)
def test_what_is_no_name_and_no_code_is_refused(name, text):
    with pytest.raises(Invalid) as caught:
        read_form((backer_codes.USERNAME, backer_codes.PLEDGE_CODE), {name: text})
    assert list(caught.value.fields) == [name]

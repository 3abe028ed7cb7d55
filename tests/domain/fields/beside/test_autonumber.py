import pytest

from domain.fields.beside.autonumber import Autonumber
from domain.fields.kinds import Unfit
from domain.fields.records import registry


def test_a_number_is_shown_with_its_prefix_and_read_with_it_or_without():
    kind = registry.made("autonumber", registry.read_options("autonumber", {"prefix": "INV-", "digits": "4"}))
    assert kind.plain(17) == "INV-0017"
    assert kind.read("inv-0017") == kind.read("17") == kind.read("INV-17") == 17
    assert kind.to_json(17) == {"number": 17, "text": "INV-0017"}
    assert Autonumber().plain(17) == "17"
    for text in ("", "0", "-1", "1.5", "INV-", "X-17", "9" * 13):
        with pytest.raises(Unfit):
            kind.read(text)
    with pytest.raises(Unfit):
        registry.read_options("autonumber", {"digits": "11"})

import pytest

from domain.fields.barcode import Barcode, QrCode
from domain.fields.kinds import Unfit
from domain.files import qr


@pytest.mark.parametrize("text", ["Schlüssel 4", "x" * 81])
def test_a_bar_code_takes_what_it_can_hold(text):
    with pytest.raises(Unfit):
        Barcode().read(text)
    assert QrCode().read(text) == text


@pytest.mark.parametrize(("kind", "text"), [(Barcode(), "~" * 80), (QrCode(), "𝄞" * 500)])
def test_whatever_a_field_takes_is_drawn(kind, text):
    assert qr.drawn(kind.name, kind.read(text)).startswith("<svg")

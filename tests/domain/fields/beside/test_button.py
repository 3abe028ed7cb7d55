from domain.fields.beside.button import Does
from domain.fields.records import registry


def test_a_button_has_neither_a_value_nor_an_order():
    kind = registry.made("button", Does(does="set", sets=[]))
    assert (kind.keyed, kind.filters, kind.plain(None), kind.stored(None)) == (False, False, "", None)

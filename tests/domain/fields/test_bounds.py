"""The least and most of a field hold at every door, and are asked beyond."""

import pytest

from domain.fields.kinds import Unfit
from domain.fields.records import formats, operators, registry

WITHIN = {
    "number": ({"least": "1", "most": "2"}, "1.5", "2.5", "2.5"),
    "percent": ({"least": "0", "most": "100"}, "15 %", "101 %", "1.01"),
    "money": ({"currency": "EUR", "most": "9.50"}, "9.50 EUR", "9.51 EUR", {"amount": "9.51", "currency": "EUR"}),
    "duration": ({"least": "0:15"}, "0:15", "0:14", 840),
    "day": ({"least": "2026-03-01"}, "2026-03-01", "2026-02-28", "2026-02-28"),
    "moment": ({"most": "2026-03-01T12:00:00Z"}, *["2026-03-01T12:00:00Z"], *["2026-03-01T12:00:01Z"] * 2),
}


@pytest.mark.parametrize("kind", WITHIN)
def test_every_door_refuses_what_is_beyond_and_conditions_ask_for_it(kind):
    bounds, within, beyond, json = WITHIN[kind]
    options = registry.read_options(kind, bounds)
    assert registry.read_options(kind, options) == options  # the field's page shows them, and takes them back
    made = registry.made(kind, options)
    assert made.read(within) == made.restored(made.stored(made.read(within)))
    for door in (made.read, lambda text: made.parse(text, formats.Format()), lambda _: made.from_json(json)):
        with pytest.raises(Unfit, match="It has to be"):
            door(beyond)
    one = next(op for op in made.operators if op.takes == "one" and op not in operators.BARE)
    assert made.operand(one, beyond) is not None

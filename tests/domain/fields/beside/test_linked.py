"""What a link reads, shows and sends, whoever reads the other table."""

from dataclasses import dataclass

import pytest

from domain.fields.beside.linked import Linked, Ref
from domain.fields.kinds import Unfit, comparable


@dataclass(frozen=True)
class Few:
    """A reader of three rows, two of which are called alike."""

    titles = {3: "Meyer #3", 5: "Meyer #5", 9: "Cats; large", 7: "7"}

    def refs(self, ids):
        return {id: Ref(id, self.titles[id]) for id in ids if id in self.titles}

    def named(self, text):
        plain = {id: title.partition(" #")[0] for id, title in self.titles.items()}
        return [id for id, title in plain.items() if comparable(title) == comparable(text)]


ONE, MANY = Linked(table=1, reader=Few()), Linked(table=1, takes_many=True, reader=Few())


@pytest.mark.parametrize("value", [(3,), (9,), (5, 9, 3), (7, 9)])
def test_what_is_stored_shown_and_sent_comes_back(value):
    kind = MANY if len(value) > 1 else ONE
    assert kind.restored(kind.stored(value)) == value
    assert kind.from_json(kind.to_json(value)) == value
    assert kind.read(kind.text(value)) == value
    assert kind.read(kind.plain(value)) == value


def test_rows_are_read_by_name_by_number_or_not_at_all():
    assert ONE.read("cats; LARGE") == (9,)
    assert ONE.read("#5") == ONE.read("5") == ONE.read("meyer #5") == (5,)
    assert MANY.read('"Cats; large"; 5; 5') == (9, 5)
    for text, why in (("Meyer", "which"), ("Nobody", "No row"), ("#4", "No row"), ("Cats; large #5", "No row")):
        with pytest.raises(Unfit, match=why):
            ONE.read(text)
    for json in ("9", True, [True], {"id": "9"}, 1.5, [[9]]):
        with pytest.raises(Unfit):
            ONE.from_json(json)
    with pytest.raises(Unfit):
        ONE.from_json([3, 5])


def test_who_has_no_reader_sees_nothing():
    blind = Linked(table=1)
    assert (blind.plain((3,)), blind.to_json((3,)), blind.of_text("5")) == ("", None, ())
    with pytest.raises(Unfit):
        blind.read("5")


def test_rows_of_one_number_and_another_name_are_another_to_what_is_kept():
    assert Ref(3, "A") == 3
    assert Ref(3, "A") != Ref(3, "B")
    assert hash(Ref(3, "A")) == hash(3)

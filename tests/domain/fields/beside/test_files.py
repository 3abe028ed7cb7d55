from types import SimpleNamespace

from domain.fields.beside.files import Files
from domain.fields.beside.linked import Ref


def test_a_cell_of_files_is_kept_by_numbers_and_shown_by_names():
    kind, value = Files(), (Ref(3, "a.txt"), Ref(1, "b.png", True))
    assert (kind.plain(value), kind.stored(value), kind.restored([3, 1])) == ("a.txt; b.png", [3, 1], (3, 1))
    for one, type in zip(value, ("text/plain", "image/png"), strict=True):
        one.file = SimpleNamespace(type=type, size=7)
    told = [{"id": 3, "name": "a.txt", "type": "text/plain"}, {"id": 1, "name": "b.png", "type": "image/png"}]
    assert kind.to_json(value) == [one | {"size": 7} for one in told]
    assert (kind.plain((3, 1)), kind.plain(None)) == ("", "")  # without a reader nothing is seen
    assert Ref(1, "b.png", True) != Ref(1, "b.png", False)

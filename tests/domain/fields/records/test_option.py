import pytest

from domain.fields.kinds import Unfit
from domain.fields.records.option import Option, Options

KIND = Options(
    (
        Option(7, "New", "info", "new"),
        Option(3, "Ready to go", "good", "ready"),
        Option(4, "Old word", is_archived=True),
        Option(5, "Neu", merged_into=7),
    )
)


@pytest.mark.parametrize("text", ["7", "new", "NEW", "New"])
def test_it_is_read_by_its_id_its_label_and_its_lasting_name(text):
    assert KIND.read(text) == 7


@pytest.mark.parametrize("text", ["4", "Old word", "5", "x", "\x00", "²"])
def test_what_cannot_be_chosen_is_refused_and_says_what_can(text):
    with pytest.raises(Unfit, match="New, Ready to go"):
        KIND.read(text)


def test_a_word_put_away_or_merged_still_says_what_it_is():
    assert [KIND.plain(id) for id in (4, 5, 99)] == ["Old word", "New", ""]
    assert KIND.tone(4) == "off"


def test_they_are_ordered_as_they_were_put():
    assert KIND.order == [7, 5, 3, 4]  # a merged one behind what it became
    assert KIND.words == [7, 3]

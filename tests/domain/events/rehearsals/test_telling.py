import pytest

from domain.events.rehearsals import telling
from models import SaleRehearsal


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (3599, "1 hour"),
        (3900, "1 hour 5 minutes"),
    ],
)
def test_spans_are_said_as_one_says_them(seconds, words):
    assert telling.span(seconds) == words


REPORT = {
    "buyers": 500,
    "tiers": [
        {"name": "Early", "size": 120, "sold": 120, "gone_after": 40},
        {"name": "Late", "size": 1000, "sold": 380, "gone_after": None},
        {"name": "VIP", "size": 5, "sold": 5, "gone_after": 0},
    ],
    "in_line": 1,
    "waited": 12,
    "usual_wait": 900,
    "longest_wait": 2400,
    "refunds": 3,
    "twice": 15,
    "refused": [["These tickets are sold out.", 7]],
    "inversions": 0,
    "wrong": [],
    "samples": [
        {"at": -70, "came": 10, "held": 0, "sold": 0, "waiting": 10},
        {"at": 130, "came": 500, "held": 100, "sold": 250, "waiting": 1},
    ],
}


def test_what_would_happen_is_said_in_sentences_and_drawn():
    told = telling.told(SaleRehearsal(report=REPORT))
    assert told.sentences == (
        "With 500 buyers the 120 Early tickets would be gone after 40 seconds.",
        "With 500 buyers, 380 of 1,000 Late tickets would be sold, and everybody would get some.",
        "With 500 buyers the 5 VIP tickets would be gone as soon as the sale opens.",
        "1 buyer would still stand in line at the end.",
        "12 buyers would wait and be called; half of them within 15 minutes, the last after 40 minutes.",
        "3 payments would come too late for tickets that are gone, and go back.",
        "15 buyers would press twice, and get one place each.",
        "7 buyers would be sent away: These tickets are sold out.",
        "Nobody would be served before somebody who stood in front, and figures, ledger and orders would agree.",
    )
    assert told.samples == (("−1:10", (10, 0, 0, 10)), ("2:10", (500, 250, 100, 1)))
    assert told.lines[0].points == "0.0,98.0 100.0,0.0"
    assert [(line.key, line.most) for line in told.lines] == [
        ("came", 500),
        ("sold", 250),
        ("held", 100),
        ("waiting", 10),
    ]


def test_a_faulty_sale_isnt_called_a_fair_one():
    told = telling.told(SaleRehearsal(report=REPORT | {"inversions": 1}))
    assert not any("Nobody would be served" in words for words in told.sentences)

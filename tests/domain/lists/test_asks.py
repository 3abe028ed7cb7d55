"""What one asks of a list."""

from domain.lists import asks


def test_lists_of_one_page_share_what_is_looked_at_and_what_one_leaves_is_for_the_others():
    looks = asks.Looks(4)
    ask = asks.Ask(rows=2, looks=looks)
    given = []
    for used in (10, 25, 30, 35):
        given.append(ask.bound(100))
        ask.looked(used)
    assert given == [25, 30, 32, 35]
    assert ask.bound(100) == 3  # one that comes late still shows its first rows
    assert asks.Ask(rows=2).bound(100) == 100

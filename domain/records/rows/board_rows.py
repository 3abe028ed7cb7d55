"""How many rows stand in each column of a board."""

from collections import Counter

from domain.lists.asks import AtLeast
from domain.lists.lists import COUNTED, FOUND
from domain.records import questions

AT_ONCE = 20  # words that are counted by one question


def counts(sight, listing, plan):
    """Word of the choice that is counted → how many rows of a plan have it, to COUNTED + 1."""
    cell = sight.shape.by_name[listing.counted.name]
    if plan.tests:
        rows, is_whole = sight.matching(listing, plan)
        found = [cell.kind.word_of(row.value(cell.name)) for row in rows]
        return {word: AtLeast.unless(is_whole, found.count(word)) for word in listing.board_words}
    counted = dict.fromkeys(listing.board_words, 0)
    words = ((id, cell.kind.word_of(id)) for id in (*cell.kind.order, None))
    keys = [(cell.key(id), word) for id, word in words if word in counted]  # merged ones count as what they became
    if plan.match or plan.probes:
        return counted | _tallied(sight, plan, cell.slot, keys)
    for key, word in keys:
        counted[word] += sight.found(plan, [("key", cell.slot, key)], COUNTED + 1)
    return counted


def _tallied(sight, plan, slot, keys):
    """The same by `keys`, (key, word) of the slot.

    Of more than GATHERED rows, which are but counted, the first TALLIED are looked at: a word that none of very many
    rows holds would be looked for in all of them. Of a search FOUND, as its total says. For `records_growth`.
    """
    way, given, probes = sight.way(plan, plan.probes)
    narrowing, most = sight.narrowing(probes, plan), FOUND if plan.match else questions.GATHERED + 1
    is_whole = questions.counting(way, narrowing)(**given, limit=most)[0][0] < most
    found: Counter = Counter()
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        asked = {"limit": most if is_whole else min(questions.TALLIED, most)}
        for place, (key, _) in enumerate(some):
            asked |= {f"slot_b{place}": slot, f"key_b{place}": key}
        for place, number in questions.tallied(way, narrowing, len(some))(**given, **asked):
            if place is not None:
                found[some[place][1]] += number
    return {word: AtLeast.unless(is_whole or found[word] > COUNTED, min(found[word], COUNTED + 1)) for _, word in keys}

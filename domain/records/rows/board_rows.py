"""How many rows stand in each column of a board that is narrowed."""

from collections import Counter

from domain.lists.asks import AtLeast
from domain.lists.lists import COUNTED
from domain.records import questions

AT_ONCE = 20  # words that are counted by one question


def tallied(sight, plan, slot, keys):
    """Word → how many rows of a plan hold it, to COUNTED + 1; `keys` are (key, word) of the slot.

    Of more than GATHERED rows only so many are looked at, once for all words: a word that none of very many rows
    holds would be looked for in all of them. For `records_growth`.
    """
    way, given, probes = sight.way(plan, plan.probes)
    found: Counter = Counter()
    looked = 0
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        asked = {"limit": questions.GATHERED + 1}
        for place, (key, _) in enumerate(some):
            asked |= {f"slot_b{place}": slot, f"key_b{place}": key}
        query = questions.tallied(way, sight.narrowing(probes, plan), len(some))
        *numbers, looked = query(**given, **asked)[0]
        for number, (_, word) in zip(numbers, some, strict=True):
            found[word] += number
    is_whole = looked <= questions.GATHERED
    return {word: AtLeast.unless(is_whole or found[word] > COUNTED, min(found[word], COUNTED + 1)) for _, word in keys}

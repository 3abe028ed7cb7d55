"""A list as a board: a column for each word of a choice or of a free text, or for each of the people here."""

from dataclasses import replace

from flask import request

from domain import NotFound
from domain.lists import lists, totals
from domain.lists.asks import Looks
from views import pages

PEOPLE = 60  # columns of people, who asks first


def chosen(rules):
    """The rules with the board that the address asks for."""
    listing = rules.listing.boarded(request.args.get("board", ""))
    return rules if listing is rules.listing else replace(rules, listing=listing)


def apart(listing):
    """What the present address says of its board, where that isn't the list's own."""
    return (("board", listing.board_by),) if listing.open_by else ()


def column(mounted, parts):
    """More cards of one board column."""
    place, number = mounted.place(parts, "board"), parts["number"]
    words = _words(place)
    if number >= len(words):
        raise NotFound()
    return pages.fragment("lists/_cards.html", place=place, column=_column(place, words[number]), number=number)


def context(place):
    """The columns of a board, each with its first cards, and how many each has."""
    words, listing = _words(place), place.listing
    looks = Looks(len(words) * 2)  # the columns, and how many each has
    columns = [_column(place, word, looks) for word in words]
    if listing.counted is None:
        counts = {one["word"]: totals.total(listing, one["ask"], place.by) for one in columns}
    else:
        looks.lists = 1
        counts = lists.counts(listing, place.ask.but(looks=looks), place.by)
        for one in columns:
            if one["word"] not in counts:
                counts[one["word"]] = totals.total(listing, one["ask"], place.by)
    for one in columns:
        if not (one["answer"].more or place.ask.after):  # it was read to its end
            counts[one["word"]] = len(one["answer"].rows)
    return {"columns": columns, "counts": counts}


def _is_of_people(listing):
    return listing.by_name[listing.board_by].kind.names_people


def _words(place):
    listing = place.listing
    if not _is_of_people(listing):
        words = listing.board_words if listing.counted else place.words_here
        return words if None in words or not _has_empty(listing) else (*words, None)
    others = [id for id in place.present if id != place.by.user.id]
    first = (place.by.user.id,) if place.by.user.id in place.present else ()
    return (*first, *others[: PEOPLE - len(first)], *((None,) if _has_empty(listing) else ()))


def _has_empty(listing):
    return bool(listing.source) or listing.column(listing.board_by).may_be_empty


def _column(place, word, looks=None):
    listing = place.listing
    filters = tuple(pair for pair in place.ask.filters if pair[0] != listing.board_by)
    ask = place.ask.but(filters=(*filters, (listing.board_by, word)), looks=looks)
    field = listing.by_name[listing.board_by]
    label = place.present[word] if _is_of_people(listing) and word else field.kind.plain(word)
    none = "Nobody" if _is_of_people(listing) else f"No {field.label.lower()}"
    return {"word": word, "label": none if word is None else label, "answer": place.read(ask), "ask": ask}

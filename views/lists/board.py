"""A list as a board: a column for each word of a choice."""

from domain import NotFound
from views import pages


def column(mounted, parts):
    """More cards of one board column."""
    place, number = mounted.place(parts, "board"), parts["number"]
    words = place.listing.board_words
    if number >= len(words):
        raise NotFound()
    return pages.fragment("lists/_cards.html", place=place, column=_column(place, words[number]), number=number)


def columns(place):
    """The columns of a board, each with its first cards."""
    return [_column(place, word) for word in place.listing.board_words]


def _column(place, word):
    listing = place.listing
    filters = tuple(pair for pair in place.ask.filters if pair[0] != listing.board_by)
    answer = place.read(place.ask.but(filters=(*filters, (listing.board_by, word))))
    field = listing.by_name[listing.board_by]
    label = f"No {field.label.lower()}" if word is None else field.kind.plain(word)
    return {"word": word, "label": label, "answer": answer}

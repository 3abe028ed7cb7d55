"""People's words may be of either direction: what a template draws as text is isolated from the words beside it.

It is done where templates are compiled, so a template says nothing of it: what stands between two tags and has letters
that run from right to left is drawn in a <bdi>, by its own first letter. What stands in a tag, or where no element may
be (a title, an option, a text area), is left alone. A sentence of ours that has people's words in it runs as ours do:
`| sentence` isolates the words alone.
"""

import re

from jinja2.ext import Extension
from jinja2.lexer import Token
from markupsafe import Markup, escape

RIGHT_TO_LEFT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_HAS = re.compile(f"[{RIGHT_TO_LEFT}]")
# Words with what holds them together; a comma, a colon or a dot between two names belongs to the sentence.
_WORD = rf"[{RIGHT_TO_LEFT}][{RIGHT_TO_LEFT}\u0300-\u036f'’\"-]*"
_RUN = re.compile(f"{_WORD}(?: +{_WORD})*")
_BARE = re.compile(r"<(/?)(title|option|textarea|script|style|svg|bdi)\b", re.I)


def isolated(value):
    """A text with letters that run from right to left in an element of its own; everything else as it is."""
    if type(value) is not str or value.isascii() or not _HAS.search(value):
        return value
    return Markup("<bdi>{}</bdi>").format(value)


def sentence(value):
    """A sentence of ours: the parts of it that run from right to left, each in an element of its own."""
    if type(value) is not str or value.isascii() or not _HAS.search(value):
        return value
    parts, end = [], 0
    for run in _RUN.finditer(value):
        parts += [escape(value[end : run.start()]), Markup("<bdi>{}</bdi>").format(run[0])]
        end = run.end()
    return Markup("").join([*parts, escape(value[end:])])


class Isolating(Extension):
    """Puts `isolated` after each expression that is drawn as text of an element."""

    def filter_stream(self, stream):
        where = _Where()
        for token in stream:
            if token.type == "data":
                where.passes(token.value)
            wraps = token.type in ("variable_begin", "variable_end") and where.is_text
            if wraps and token.type == "variable_end":
                for kind, value in (("rparen", ")"), ("pipe", "|"), ("name", "isolated")):
                    yield Token(token.lineno, kind, value)
            yield token
            if wraps and token.type == "variable_begin":
                yield Token(token.lineno, "lparen", "(")


class _Where:
    """How far the HTML of a template has come: within a tag, within a quoted value, within an element that takes no
    other, or in plain text."""

    def __init__(self):
        self.in_tag, self.quote, self.bare = False, "", ""

    @property
    def is_text(self):
        return not (self.in_tag or self.quote or self.bare)

    def passes(self, data):
        for place, sign in enumerate(data):
            if self.quote:
                self.quote = "" if sign == self.quote else self.quote
            elif self.in_tag:
                if sign in "\"'":
                    self.quote = sign
                elif sign == ">":
                    self.in_tag = False
            elif sign == "<" and data[place + 1 : place + 2] not in " =":
                self._enters(data[place : place + 12])
            elif sign == '"' and data[place - 1 : place] == "=":  # attributes that a macro makes
                self.quote = sign

    def _enters(self, tag):
        self.in_tag = True
        found = _BARE.match(tag)
        if found and found[1] and found[2].lower() == self.bare:
            self.bare = ""
        elif found and not found[1] and not self.bare:
            self.bare = found[2].lower()


def init_app(app):
    app.jinja_env.filters |= {"isolated": isolated, "sentence": sentence}
    app.jinja_env.add_extension(Isolating)

"""Formulas as people write them → trees of fields' numbers. Nothing of a formula is ever run as code.

A tree is a tuple of a word and its parts, as JSON keeps it: ("number", "1.5"), ("percent", "0.15"), ("text", "a"),
("yes_no", True), ("field", id), ("link" | "back", link's id, field's id or 0 for the rows themselves),
("call", name, part …), ("binary", sign, left, right), ("minus", part), ("not", part). Parsing is LALR: linear, and no
nesting is deep.
"""

import re
from decimal import Decimal
from functools import cache

from database.late import Late
from domain.fields.formulas.types import DIGITS, Mistake
from domain.fields.kinds import clean
from domain.fields.records.exact import plain

lark = Late("lark")
LONGEST = 2000  # characters of a formula
NODES = 200  # of its tree
ROWS = "*"  # stands for the rows of a link themselves, where a field is called as the link is

GRAMMAR = r"""
start: either
?either: both | either _OR both -> or_
?both: negated | both _AND negated -> and_
?negated: compared | _NOT negated -> not_
?compared: sum | sum COMPARE sum -> binary
?sum: product | sum SIGN product -> binary | sum MINUS product -> binary
?product: unary | product TIMES unary -> binary
?unary: atom | MINUS unary -> minus
?atom: PERCENT -> percent
     | NUMBER -> number
     | TEXT -> text
     | YES -> yes
     | NO -> no
     | FIELD -> field
     | NAME "(" [either ("," either)*] ")" -> call
     | "(" either ")"

_OR.2: /or\b/i
_AND.2: /and\b/i
_NOT.2: /not\b/i
YES.2: /yes\b/i
NO.2: /no\b/i
COMPARE: "<=" | ">=" | "<>" | "!=" | "==" | "=" | "<" | ">" | "≤" | "≥" | "≠"
SIGN: "+" | "&"
MINUS: "-" | "−"
TIMES: "*" | "/" | "×" | "÷" | "·"
PERCENT.2: /[0-9]+(\.[0-9]+)?\s*%/
NUMBER: /[0-9]+(\.[0-9]+)?/
TEXT: /"(\\.|[^"\\])*"/s | /“[^”]*”/
FIELD: /\{(\\.|[^}\\])*\}/s
NAME: /[a-z_][a-z_0-9]*/i
%ignore /\s+/
"""
_SAME = {"!=": "<>", "≠": "<>", "==": "=", "≤": "<=", "≥": ">=", "×": "*", "·": "*", "÷": "/", "−": "-"}


class _Sized(tuple):
    """A tree with how many nodes it has."""

    size: int


def _node(*parts):
    made = _Sized(parts)
    made.size = 1 + sum(part.size for part in parts if isinstance(part, _Sized))
    if made.size > NODES:
        raise Mistake(f"A formula has at most {NODES} parts. Make a field of a piece of it, and use that.")
    return made


@cache
def _parser():
    """What reads formulas; it takes a quarter of a second to make."""

    @lark.v_args(inline=True)
    class _Trees(lark.Transformer):  # type: ignore[name-defined]  # loaded late
        def start(self, tree):
            return tree

        def or_(self, left, right):
            return _node("binary", "or", left, right)

        def and_(self, left, right):
            return _node("binary", "and", left, right)

        def not_(self, part):
            return _node("not", part)

        def minus(self, _sign, part):
            return _node("minus", part)

        def binary(self, left, sign, right):
            return _node("binary", _SAME.get(str(sign), str(sign)), left, right)

        def number(self, token):
            return _node("number", _figures(token))

        def percent(self, token):
            return _node("percent", plain(Decimal(_figures(token[:-1].strip())).scaleb(-2)))

        def text(self, token):
            return _node("text", _unescaped(token) if token[0] == '"' else token[1:-1])

        def yes(self, _token):
            return _node("yes_no", True)

        def no(self, _token):
            return _node("yes_no", False)

        def field(self, token):
            parts = [""]
            for sign in re.findall(r"\\.|[^\\]", token[1:-1], re.S):
                parts = [*parts, ""] if sign == "." else [*parts[:-1], parts[-1] + sign[-1]]
            return _node("named", *[part.strip() for part in parts])

        def call(self, name, *parts):
            return _node("call", name.lower(), *[part for part in parts if part is not None])

    return lark.Lark(GRAMMAR, parser="lalr", transformer=_Trees())


def _unescaped(token):
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.S)


def _figures(token):
    if len(token) > DIGITS:
        raise Mistake(f"A number has {DIGITS} digits at most.")
    return plain(Decimal(str(token)))


def parsed(text, scope):
    """The tree of a formula. Refuses with Mistake what can't be read, or names nothing that `scope` has."""
    text = clean(text).strip()
    if not text:
        raise Mistake("Write a formula, such as {Price} * 2.")
    if len(text) > LONGEST:
        raise Mistake(f"A formula has {LONGEST:,} characters at most; this has {len(text):,}.")
    try:
        tree = _parser().parse(text)
    except lark.exceptions.VisitError as error:
        raise error.orig_exc from None
    except lark.exceptions.UnexpectedInput as error:
        raise Mistake(_unread(text, error)) from None
    return _resolved(tree, scope)


def _resolved(tree, scope):
    if tree[0] != "named":
        return tuple(_resolved(part, scope) if isinstance(part, tuple) else part for part in tree)
    name, *beyond = tree[1:]
    if not beyond:
        if not scope.own.called(name) and scope.goes(name):
            return (*scope.way(name).key, 0)
        return "field", scope.own.one(name).id
    if len(beyond) != 1 or not name or not beyond[0]:
        raise Mistake("Write {Field}, or {Link.Field} for a field of a linked row.")
    way = scope.way(name)
    return (*way.key, way.names.one(beyond[0]).id if beyond[0] != ROWS else 0)


def _unread(text, error):
    """What can't be read, in a sentence."""
    place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    token = getattr(error, "token", None)
    is_end = isinstance(error, lark.exceptions.UnexpectedEOF) or getattr(token, "type", "") == "$END"
    before = text[:place].rstrip() if not is_end else text
    if is_end:
        if text.count("(") > text.count(")"):
            return "A bracket isn't closed: write ) where it ends."
        return f"Something is missing at the end, after “{before[-30:]}”."
    rest = text[place:]
    word = re.search(r"([a-z_][a-z_0-9]*)$", before, re.I)
    for sign, sentence in _OPEN.items():
        if rest.startswith(sign):
            return sentence
    if found := re.match(r"[a-z_][a-z_0-9]*|\S", rest, re.I):
        if word and rest[0] != "(" and word[1].lower() not in ("and", "or", "not", "yes", "no"):
            return f"“{word[1]}” isn't known here. Fields are written in braces: {{{word[1]}}}; words in quotes."
        if found[0][:1].isalpha() and "(" not in rest[: len(found[0]) + 2]:
            return f"“{found[0]}” doesn't fit here. Fields are written in braces: {{{found[0]}}}; words in quotes."
        return f"“{found[0]}” doesn't fit here" + (f", after “{before[-30:]}”." if before else ", at the beginning.")
    return "This can't be read as a formula."


_OPEN = {
    '"': "This text has no end: write its second quotation mark.",
    "“": "This text has no end: write its second quotation mark.",
    "{": "This name has no end: write } behind it.",
}


# --- and back -----------------------------------------------------------------------------------------------------

_RANK = {"or": 1, "and": 2, "not": 3, "compare": 4, "+": 5, "-": 5, "&": 5, "*": 6, "/": 6, "minus": 7, "atom": 8}


def printed(tree, scope):
    """A tree as people write it, with today's labels and the brackets that it needs; parsed again it is the same.

    What isn't here any more is {#12}.
    """
    return _printed(tree, scope)[0]


def _printed(tree, scope):
    word, *parts = tree
    if word == "binary":
        return _pair(parts, scope)
    if word in ("not", "minus"):
        rank = _RANK[word]
        inner = _within(parts[0], scope, rank)
        return ("not " if word == "not" else "-") + inner, rank
    return _atom(word, parts, scope), _RANK["atom"]


def _pair(parts, scope):
    sign, left, right = parts
    rank = _RANK.get(sign, _RANK["compare"])
    is_compared = sign not in _RANK
    return f"{_within(left, scope, rank + is_compared)} {sign} {_within(right, scope, rank + 1)}", rank


def _within(tree, scope, rank):
    text, theirs = _printed(tree, scope)
    return text if theirs >= rank else f"({text})"


def _atom(word, parts, scope):
    match word:
        case "number":
            return parts[0]
        case "percent":
            return f"{plain(Decimal(parts[0]).scaleb(2))}%"
        case "text":
            return '"' + re.sub(r'(["\\])', r"\\\1", parts[0]) + '"'
        case "yes_no":
            return "yes" if parts[0] else "no"
        case "call":
            return f"{parts[0]}({', '.join(printed(part, scope) for part in parts[1:])})"
        case "field":
            known = scope.own.by_id.get(parts[0])
            return f"{{{_escaped(scope.own.written(known)) if known else f'#{parts[0]}'}}}"
    way = scope.ways.get((word, parts[0]))
    if way is None:
        return f"{{#{parts[0]}.#{parts[1]}}}" if parts[1] else f"{{#{parts[0]}}}"
    text = scope.way_written(way)
    if not parts[1]:
        return f"{{{_escaped(text)}{'.' + ROWS if scope.own.called(text) else ''}}}"
    known = way.names.by_id.get(parts[1])
    there = way.names.written(known) if known else f"#{parts[1]}"
    return f"{{{_escaped(text)}.{_escaped(there) if there != ROWS else f'#{parts[1]}'}}}"


def _escaped(label):
    return re.sub(r"([{}.\\])", r"\\\1", label)


def of_json(tree):
    """A tree as JSON kept it."""
    return tuple(of_json(part) if isinstance(part, list) else part for part in tree)


def names(tree):
    """All fields and links of a tree: ("field", id), and ("link" or "back", link's id, field's id or 0)."""
    if tree[0] in ("field", "link", "back"):
        return {tuple(tree)}
    return {one for part in tree[1:] if isinstance(part, tuple | list) for one in names(part)}

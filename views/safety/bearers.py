"""Machines that show a token: `Authorization: Bearer …`, compared in constant time with each that is good."""

import hmac

from flask import request

from domain import Refused


def is_shown(*tokens, given=None):
    """Whether the request shows one of the tokens; an empty one opens nothing."""
    if given is None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        given = given.strip() if scheme.lower() == "bearer" else ""
    same = [hmac.compare_digest(given.encode(), token.encode()) for token in tokens if token]
    return any(same)


def demand(variable, *tokens, given=None):
    """The same, refused: with NOT_CONFIGURED where the variable that names the tokens has none."""
    if not any(tokens):
        raise Refused(f"Set {variable} to open this.", "NOT_CONFIGURED", 503)
    if not is_shown(*tokens, given=given):
        raise Refused("The token isn't right.", "UNAUTHENTICATED", 401)

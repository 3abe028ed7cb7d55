"""What may happen: the rules, the refusals and the transactions. Knows nothing of requests."""


class Refused(Exception):
    """No, with a code for machines and a sentence for people. Nothing has been changed."""

    code, status = "CONFLICT", 409
    about_form = True  # may stand in the form that was sent; else it is answered as everywhere

    def __init__(self, sentence, code=None, status=None, fields=None, **details):
        super().__init__(sentence)
        self.sentence, self.fields, self.details = sentence, fields or {}, details
        self.code, self.status = code or type(self).code, status or type(self).status

    def beside(self, name="form"):
        """The sentences by field; what concerns no field stands beside `name`."""
        return self.fields or {name: self.sentence}


class Invalid(Refused):
    """Input that can't be taken: a sentence for each field."""

    code, status = "INVALID_INPUT", 422

    def __init__(self, fields):
        super().__init__(" ".join(fields.values()), fields=fields)


class Stale(Refused):
    """Somebody else changed the same thing meanwhile; `fields` says what stands there now."""


class NotFound(Refused):
    code, status = "NOT_FOUND", 404

    def __init__(self, sentence="There is nothing here, or it isn't yours to see."):
        super().__init__(sentence)


def existing(row, *sentence):
    """What was looked for. Refuses with NotFound where that is None."""
    if row is None:
        raise NotFound(*sentence)
    return row


class Forbidden(Refused):
    code, status = "FORBIDDEN", 403


class NotConfigured(Refused):
    code, status = "NOT_CONFIGURED", 503

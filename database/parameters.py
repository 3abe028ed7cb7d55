"""Places in a query that take their value at each call."""

from peewee import Value


class Parameter:
    """A place in a compiled query that takes its value at each call."""

    def __init__(self, name):
        self.name = name


def parameter(name):
    return Value(Parameter(name), converter=False, unpack=False)


IN_SCOPE = Parameter("scope")

"""The least and the most that a field of people's tables takes: refused beyond at every door, asked for beyond them."""

from typing import Any

from domain.fields.kinds import Unfit


class Bounded:
    """A kind with `least` and `most`, each a value as `measured` gives it, or None."""

    least: Any
    most: Any
    plain: Any

    def measured(self, value):
        """What of a value is held against the bounds."""
        return value

    def bound_said(self, end):
        """A bound in words."""
        return self.plain(end)

    def bounded(self, value):
        """The value. Refuses with Unfit one that is less or more than the field takes."""
        least, most = self.least, self.most
        if least is None and most is None:
            return value
        measure = self.measured(value)
        is_less = least is not None and measure < least
        if is_less or (most is not None and measure > most):
            ends = [self.bound_said(end) for end in (least, most) if end is not None]
            said = f"from {ends[0]} to {ends[1]}" if len(ends) == 2 else f"{ends[0]} or {'more' if is_less else 'less'}"
            raise Unfit(f"It has to be {said}.")
        return value

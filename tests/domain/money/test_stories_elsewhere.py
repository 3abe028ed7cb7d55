"""The stories of test_billing_stories.py in Polar's and Lemon Squeezy's words: however what they tell comes, access ends
in the same rows, and nobody has any that wasn't paid for.

`STORIES=200 pytest tests/domain/money/test_stories_elsewhere.py` is the long form.
"""

import re

import pytest

from domain.money.providers import sandbox
from tests.domain.money import test_billing_stories as stories
from tests.domain.money.test_three_providers import DIALECTS, Shop, speak

# What happens only at Stripe; there periods begin by themselves, and an order or invoice doesn't tell of which it is.
ONLY_THERE = {
    *("move_to_a_strange_price", "move_back", "be_asked_to_confirm", "try_without_card", "be_given_credit"),
    *("void_open", "dispute", "settle_dispute", "rest", "rise", "move_trial_end", "cancel_for_a_day"),
    *("renew", "fail_to_renew"),
}
VERBS = [verb for verb in (*stories.VERBS, *stories.OFTEN, *["wait"] * 4) if verb not in ONLY_THERE]
WORDS = {
    "polar": VERBS,
    # A change of the price pays for no period that it names, and no refund fails.
    "lemon_squeezy": [verb for verb in VERBS if verb not in ("change_plan", "change_both", "fail_a_refund")],
}
ACCESS = ("subscription", "licence", "grant")


class Elsewhere:
    """What is otherwise than in Stripe's words."""

    cards, new_cards = ("ok", "ok", "fails_later", "ok", "fails_later", "ok"), ("ok", "declined", "ok", "declined")

    def speak(self, patch):
        self.names = {}
        patch.setattr(sandbox.dialect(), "new_id", self.new_id)

    def new_id(self, kind):
        number = next(self.ids)
        made = f"1{int(self.tag[1:]):05}{number:06}"
        made = f"5a9d0b0c-6f2e-4d3a-9c51-{made}" if sandbox.dialect().NAME == "polar" else made
        self.names[made] = f"x{number}"
        return made

    def plain(self, value):
        for id, name in self.names.items() if isinstance(value, str) else ():
            value = value.replace(id, name)
        return re.sub(r"/portal/\w+$", "/portal", value) if isinstance(value, str) else value  # made of an id

    def type_of(self, event):
        return sandbox.dialect().type_of(event)

    def is_unread(self, event):
        return False

    def look(self, after, finished=False):
        if finished or sandbox.dialect().NAME == "polar":  # before, the other one doesn't tell when its period began
            super().look(after, finished)


class InOrder(Elsewhere, stories.InOrder):
    """Each event comes at once and once."""


class AnyHow(Elsewhere, stories.AnyHow):
    """Shuffled, repeated, held back, and lost until the night's comparison; but for Lemon Squeezy's refunds, since
    one of what was paid more than sixty days before is listed nowhere."""

    def told(self):
        super().told()
        for type in ("order_refunded", "subscription_payment_refunded"):
            self.hear_of(type)


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name in WORDS])
@stories.told_often(3)
def test_any_story_ends_in_the_same_access_in_others_words(
    number, dialect, house, cast, at, clock, proven, alone, monkeypatch
):
    speak(dialect)
    die = stories.die_of(number)
    steps, luck, ends = stories.story_of(die, tuple(WORDS[dialect])), die.random(), []
    for kind in (InOrder, AnyHow):
        telling = kind(cast, clock, Shop(cast.acme, at("alice"), clock, proven), monkeypatch, luck)
        try:
            telling.tell(steps)
            telling.end()
            telling.look("the end", finished=True)
            ends.append({key: row for key, row in telling.state().items() if key[0] in ACCESS})
        finally:
            print("\n".join([kind.__name__, *telling.said]))
        telling.close()
    stories.same(*ends, telling.said)

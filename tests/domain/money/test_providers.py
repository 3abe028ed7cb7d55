import dataclasses
import inspect

import pytest
import stripe as stripe_library

from domain import NotConfigured
from domain.base import configuration
from domain.money import providers
from domain.money.providers import provider, stripe


@pytest.mark.parametrize(
    ("name", "path", "label", "can"),
    [
        ("stripe", "stripe", "Stripe", {"pause", "preview", "quantity", "missed", "trial"}),
        ("polar", "polar", "Polar", {"missed", "pause", "quantity", "trial"}),
        ("lemon_squeezy", "lemon-squeezy", "Lemon Squeezy", {"pause", "quantity"}),
        ("sandbox", "stripe", "Stripe", {"pause", "preview", "quantity", "missed", "trial"}),
    ],
)
def test_the_configured_provider_is_the_active_one_and_is_the_whole_of_a_provider(house, name, path, label, can):
    configuration.use(dataclasses.replace(configuration.active, billing_provider=name))
    assert configuration.active.has_billing
    module = providers.active()
    assert ("stripe" if name == "sandbox" else name) == module.NAME
    assert (module.PATH, module.LABEL, module.CAN, len(module.CHANNEL) <= 30) == (path, label, can, True)
    wanted = {word: kept for word, kept in vars(provider.Provider).items() if inspect.isfunction(kept)}
    wanted = {word: kept for word, kept in wanted.items() if not word.startswith("_")}
    assert {"verify", "facts", "refund", "all_prices"} <= set(wanted)
    for word, kept in wanted.items():
        parameters = list(inspect.signature(kept).parameters)[1:]
        assert list(inspect.signature(getattr(module, word)).parameters) == parameters, word


@pytest.mark.parametrize(
    ("error", "verb", "asked"),
    [
        (stripe_library.APIConnectionError("timed out"), "create", True),
        (stripe_library.APIConnectionError("timed out"), "retrieve", False),
        (stripe_library.APIError("fault"), "update", True),
        (stripe_library.InvalidRequestError("no", None), "create", False),
        (stripe_library.CardError("no", None, "card_declined"), "create", False),
    ],
)
def test_a_cut_off_write_may_have_been_done_and_a_read_or_a_refusal_was_not(house, error, verb, asked):
    def call():
        raise error

    call.__name__ = verb
    with pytest.raises(provider.ProviderFailed) as failed:
        stripe.wire.called(call)
    assert failed.value.asked is asked


def test_without_a_provider_billing_says_so(house):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert not configuration.active.has_billing
    with pytest.raises(NotConfigured):
        providers.active()

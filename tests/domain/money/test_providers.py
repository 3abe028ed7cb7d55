import dataclasses

import pytest
import stripe as stripe_library

from domain import NotConfigured
from domain.base import configuration
from domain.money import providers
from domain.money.providers import provider, stripe


@pytest.mark.parametrize("name", ["stripe", "polar", "lemon_squeezy", "sandbox"])
def test_the_configured_provider_is_the_active_one_and_has_every_function(house, name):
    configuration.use(dataclasses.replace(configuration.active, billing_provider=name))
    assert configuration.active.has_billing
    assert ("stripe" if name == "sandbox" else name) == providers.active().NAME
    functions = [word for word, kept in vars(provider.Provider).items() if callable(kept) and not word.startswith("_")]
    assert len(functions) >= 20
    for asked in functions:
        assert callable(getattr(providers.active(), asked)), asked
    for word in provider.Provider.__annotations__:
        assert getattr(providers.active(), word), word


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

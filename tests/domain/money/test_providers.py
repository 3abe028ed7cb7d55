import dataclasses

import pytest
import requests
import stripe as stripe_library

from domain import NotConfigured
from domain.base import configuration
from domain.money import providers
from domain.money.providers import lemon_squeezy, polar, provider, stripe


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
        stripe._called(call)
    assert failed.value.asked is asked


@pytest.mark.parametrize(
    ("error", "method", "asked"),
    [
        (requests.ReadTimeout(), "POST", True),
        (requests.ConnectionError(), "PATCH", True),
        (requests.ConnectTimeout(), "POST", False),
        (requests.ReadTimeout(), "GET", False),
    ],
)
@pytest.mark.parametrize("adapter", [polar, lemon_squeezy])
def test_so_it_is_at_the_other_providers(house, monkeypatch, adapter, error, method, asked):
    account = provider.Account("key", (), {}, False)
    monkeypatch.setattr(providers, "account", lambda: account)
    monkeypatch.setattr(polar, "account", lambda: account)

    class Broken:
        def request(self, *args, **kwargs):
            raise error

    monkeypatch.setattr(adapter, "_session", lambda *_: Broken())
    with pytest.raises(provider.ProviderFailed) as failed:
        adapter._call(*((method.lower(), "/v1/things") if adapter is polar else (method, "things")))  # as they ask
    assert failed.value.asked is asked


def test_an_answer_says_no_or_is_a_fault_of_theirs(house):
    assert [polar.Answered(status, "").asked for status in (404, 422, 500, 503)] == [False, False, True, True]
    assert [lemon_squeezy._Answered("", status).asked for status in (422, 502)] == [False, True]


def test_without_a_provider_billing_says_so(house):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert not configuration.active.has_billing
    with pytest.raises(NotConfigured):
        providers.active()

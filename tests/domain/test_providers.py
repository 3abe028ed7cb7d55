import dataclasses

import pytest

from domain import NotConfigured, configuration, providers


@pytest.mark.parametrize("name", ["sandbox", "stripe"])
def test_the_configured_provider_is_the_active_one(house, name):
    configuration.use(dataclasses.replace(configuration.active, billing_provider=name))
    assert providers.is_configured()
    for asked in ("verify", "facts", "checkout", "create_customer", "set_cancel_at_period_end", "prices", "secrets"):
        assert callable(getattr(providers.active(), asked))


def test_without_a_provider_billing_says_so(house):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert not providers.is_configured()
    with pytest.raises(NotConfigured):
        providers.active()

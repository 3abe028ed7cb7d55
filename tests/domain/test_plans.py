from domain import settings
from domain.plans import FREE, PLANS


def test_free_gives_nothing_and_every_paid_plan_gives_pro():
    assert not FREE.is_paid
    for key, plan in PLANS.items():
        assert plan.key == key
        assert plan is FREE or "feature.pro" in plan.capabilities


def test_every_plan_has_its_allowance_in_a_setting():
    assert {plan.credits for plan in PLANS.values()} <= settings.REGISTRY.keys()

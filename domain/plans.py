"""The plans: what each gives. What they cost, their provider knows."""

from dataclasses import dataclass

PAID = ("feature.pro", "workspace.members.invite", "workspace.members.limit.10", "billing.portal")


@dataclass(frozen=True)
class Plan:
    key: str
    name: str
    interval: str  # month, year or empty
    capabilities: tuple
    credits: str  # the setting that holds its monthly allowance
    gives: tuple = ()

    @property
    def is_paid(self):
        return bool(self.capabilities)


FREE = Plan("free", "Free", "", (), "credits_free", ("Tasks, board and search", "Live pages and notices"))
_PRO = ("Everything in Free", "A monthly allowance of credits")
PLANS = {
    plan.key: plan
    for plan in (
        FREE,
        Plan("pro_monthly", "Pro", "month", PAID, "credits_pro", _PRO),
        Plan("pro_yearly", "Pro", "year", PAID, "credits_pro", (*_PRO, "Two months free")),
    )
}

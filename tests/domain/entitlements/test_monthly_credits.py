"""Credits follow what was paid: any story of paying, changing, renewing and giving back, with credits spent between."""

import jobs
from domain import Refused
from domain.entitlements import credit_standings, credits
from domain.money.providers import sandbox
from tests.domain.money.test_billing_stories import InOrder, die_of, told_often
from tests.fixtures.billing import MONTHLY, YEARLY

ALLOWANCE = 1000
VERBS = (
    *("subscribe", "renew", "renew", "change_plan", "change_plan", "refund_all", "fail_a_refund", "dispute"),
    *("settle_dispute", "spend", "spend", "wait", "wait", "cancel_for_the_end", "cancel_now", "buy_for_good"),
)


class Spending(InOrder):
    """A story in which credits are spent, reckoned in other words than the house's: by what the sandbox was paid."""

    cards = ("ok",) * 6

    def __init__(self, *about):
        super().__init__(*about)
        self.spent, self.yearly = 0, set()

    def told(self):
        super().told()
        today = f"{self.clock():%Y-%m}"
        running = [one for one in sandbox.find("subscription") if one["status"] in ("active", "trialing")]
        if any(one["price"] == YEARLY for one in running) or sandbox.find("invoice", reason="once"):
            self.yearly.add(today)
        balance, _ = credit_standings.balance(self.acme)
        paid = [one for one in sandbox.find("invoice", status="paid") if one["reason"] in ("create", "cycle")]
        monthly = sum(any(line["price"] == MONTHLY for line in one["lines"]) for one in paid)
        allowed = ALLOWANCE * (monthly + len(self.yearly))
        assert self.spent + balance <= allowed, f"{self.spent} spent and {balance} left; {allowed} were paid for"

    def change_plan(self, choice):
        before = credit_standings.standing(self.acme)
        said = super().change_plan(choice)
        super().told()
        after = credit_standings.standing(self.acme)
        assert after.balance - before.balance <= after.allowance - before.allowance
        return said

    def spend(self, choice):
        balance, _ = credit_standings.balance(self.acme)
        amount = balance if choice % 2 else balance // 3
        if not amount:
            raise Refused("nothing is left")
        credits.spend(self.acme, amount, key=f"{self.tag} {self.step}", feature="ai.text")
        self.spent += amount
        return f"spends {amount}"

    def turn_the_month(self):
        jobs.run("credit_resets")


@told_often(12)
def test_billing_f03_credits_never_exceed_what_the_paid_periods_allow(number, cast, clock, pay, alone, monkeypatch):
    die, telling = die_of(number), Spending(cast, clock, pay, monkeypatch)
    steps = [("subscribe", die.randrange(12)), *((die.choice(VERBS), die.randrange(36)) for _ in range(25))]
    try:
        telling.tell(steps)
    finally:
        print("\n".join(telling.said))

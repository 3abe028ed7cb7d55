from database.clock import now
from database.scope import inside
from models import Payment
from tests.fixtures.threads import write


def test_what_was_paid_is_a_list_with_invoices_and_a_file(cast, browse, said):
    def pay():
        with inside(cast.acme):
            Payment.create(
                provider="stripe",
                provider_payment_id="p1",
                plan_key="pro_monthly",
                reason="create",
                status="paid",
                amount=1200,
                amount_refunded=500,
                currency="USD",
                paid_at=now(),
                url="https://pay.example/1",
            )

    write(pay)
    alice = browse("alice")
    page = alice.get("/acme/billing/payments")
    assert "Pro, monthly: first period" in said(page)
    assert "$12.00" in said(page)
    assert "$5.00" in said(page)
    assert '<a href="https://pay.example/1" target="_blank" rel="noopener">Invoice' in page.get_data(True)
    assert "Pro, monthly: first period" in alice.get("/acme/billing/payments/export.csv").get_data(True)
    assert browse("vera").get("/acme/billing/payments").status_code == 403

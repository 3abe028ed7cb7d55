import pytest

from database.scope import inside
from domain.entitlements import credits
from models import (
    Grant,
)
from tests.fixtures.threads import write


@pytest.fixture
def planned(clock, cast):
    """Acme has Pro with its thousand credits; it is June 15."""
    with inside(cast.acme):
        write(
            Grant.create, plan_key="pro_monthly", capability="feature.pro", source="manual:test", source_type="manual"
        )
    credits.renew(cast.acme, 1000, "invoice:1")
    return cast.acme

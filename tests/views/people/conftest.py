import pytest


@pytest.fixture
def newcomer(browse):
    """A stranger's browser."""
    return browse(None)

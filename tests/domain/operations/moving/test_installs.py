"""What an install calls itself."""

from domain.operations.moving import installs


def test_an_install_keeps_its_name(house):
    assert installs.own_id() == installs.own_id()
    assert installs.migration() >= "0048"

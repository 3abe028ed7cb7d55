import pytest

from domain.fields.kinds import Unfit
from domain.organizations import key_bounds


@pytest.mark.parametrize(
    ("patterns", "path", "fits"),
    [
        ([], "/api/mobile/backend/tasks", True),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/tasks/7", True),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/tasks", True),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/tasks-of-others", False),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/events/1", False),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/tasks/../events", False),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/tasks/./7", False),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend//tasks/7", False),
        (["/api/mobile/backend/tasks/*"], "/api/mobile/backend/tasks\\..\\events", False),
        ([], "/api/mobile/../admin", False),
        (["/api/mobile/backend/events/*/tiers"], "/api/mobile/backend/events/1/tiers", True),
        (["/api/mobile/backend/events/*/tiers"], "/api/mobile/backend/events/1/passes", False),
        (["/api/mobile/backend/events/*/tiers"], "/api/mobile/backend/events/1/2/tiers", False),
    ],
)
def test_paths_are_compared_by_segments(patterns, path, fits):
    assert key_bounds.covers(patterns, path) == fits


def test_networks_are_kept_in_their_one_form():
    assert key_bounds.NETWORKS.read("10.1.2.3/8\n::1\n10.0.0.0/8") == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("line", ["/api/v1/acme /*", "/api/a\u00a0b", "/api/a\tb"])
def test_a_path_has_no_space_in_it_as_they_are_kept_beside_each_other(line):
    with pytest.raises(Unfit):
        key_bounds.PATHS.read(line)


@pytest.mark.parametrize("line", ["fe80::1%a b", "fe80::1%eth0", "10.0.0.0/8 ::1", "here"])
def test_a_network_is_one_and_of_no_zone(line):
    with pytest.raises(Unfit):
        key_bounds.NETWORKS.read(line)

"""The hard cases of running a site that others reported, by number: which test tells each. A test of mail, of copies and
of processes carries its number in its name; those of jobs, keys, closed accounts and moving are listed here."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]

TOLD = {
    20: (
        "domain/operations/runs/test_alarms.py::test_hard_20_late_and_too_long_are_two_bounds_and_a_long_job_is_not_late",
        "domain/operations/runs/test_alarms.py::test_hard_20_late_is_two_intervals_after_it_was_due_and_gone_when_a_good_run_ends",
    ),
    21: (
        "domain/operations/runs/test_alarms.py::test_hard_21_runs_that_find_nothing_where_there_is_usually_something",
    ),
    22: (
        "domain/operations/runs/test_leases.py::test_hard_22_an_open_run_whose_lease_is_over_has_died_however_often_it_starts",
    ),
    23: (
        "views/base/test_cron_views.py::test_hard_23_by_route_and_by_calendar_they_never_run_together",
        "views/base/test_cron_views.py::test_hard_23_the_same_minute_and_the_same_key_are_the_same_run",
    ),
    24: (
        "domain/operations/runs/test_leases.py::test_hard_24_one_that_was_paused_beyond_its_lease_writes_nothing_any_more",
        "domain/operations/runs/test_leases.py::test_hard_24_nobody_takes_over_between_the_question_and_the_commit",
        "jobs/test_jobs.py::test_hard_24_a_run_whose_lease_another_took_writes_nothing_and_says_so",
    ),
    25: (
        "domain/organizations/test_api_keys.py::test_operations_case_25_a_revoked_key_is_refused_at_once_and_stays_so",
    ),
    26: (
        "views/api/test_mobile_views.py::test_operations_case_26_only_named_origins_may_ask_and_never_with_credentials",
    ),
    32: (
        "domain/operations/copies/test_restoring.py::test_operations_case_32_an_older_copy_comes_back_with_the_closed_shut",
    ),
    34: (
        "domain/operations/moving/test_moving.py::test_operations_case_34_a_demo_arrives_row_by_row_and_goes_on",
        "domain/operations/moving/test_moving.py::test_operations_case_34_what_postgres_would_not_take_is_said_first",
        "domain/operations/moving/test_moving.py::test_operations_case_34_a_row_that_differs_and_one_that_was_left_out_are_found",
    ),
    # Those without a number, which the same reports told of.
    "deploy states out of order": (
        "domain/operations/releases/test_deployments.py::test_states_told_in_any_order_end_alike_and_never_go_back",
        "domain/operations/releases/test_deployments.py::test_the_current_one_is_the_newest_that_began_not_the_last_that_reported",
    ),
    "a key of another site reads as empty": (
        "domain/operations/moving/test_moving.py::test_operations_case_34_what_postgres_would_not_take_is_said_first",
    ),
    "imported twice": (
        "domain/operations/moving/test_arrivals.py::test_into_another_site_people_are_invited_and_twice_is_once",
        "domain/operations/moving/test_half_arrivals.py::test_what_isnt_a_row_is_given_up_whole_and_the_right_file_comes_then",
    ),
    "a key's last use written each time": (
        "domain/organizations/test_api_keys.py::test_its_use_is_written_down_once_a_minute",
    ),
}
# Told by the name of a test where it is told; of mail and its campaigns, of copies, of processes and the disk.
OF_OTHERS = {*range(1, 20), *range(27, 32), 33, 35}


def test_every_hard_case_has_its_test():
    for tests in TOLD.values():
        for told in tests:
            path, _, name = told.partition("::")
            assert re.search(rf"^def {name}\(", (TESTS / path).read_text("utf-8"), re.M), told
    assert set(range(1, 36)) - set(TOLD) == OF_OTHERS

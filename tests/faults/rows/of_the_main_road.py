"""Rows 1 to 37: processes, servers, the network, and what data can be like."""

from tests.faults.rows.fault import Fault, row

_FAULTS, _FLOWS, _SDK, _IN = "tests/faults/test_", "tests/flows/test_", "frontend_sdk/test/", "tests/integration/"
_SOAK = f"{_FAULTS}soak.py::test_users_migrate_while_everything_breaks"
_KILLED, _SERVERS, _UPLOADS = f"{_FAULTS}killed_workers.py::", f"{_FAULTS}servers.py::", f"{_FAULTS}uploads.py::"
_NETWORK, _PLAYED = f"{_FAULTS}network.py::", f"{_SDK}faults/"
_STORED = f"{_IN}records/test_stored_bytes.py::TestStoredBytes::"

FAULTS: dict[int, Fault] = {
    1: row(
        "a worker dies in the middle of a batch",
        f"{_KILLED}TestWorkerKilled::test_at_a_named_point",
        f"{_KILLED}TestWorkerKilled::test_at_a_later_commit",
        long=(_SOAK,),
    ),
    2: row(
        "a worker that lost its lease wakes up and wants to write",
        f"{_KILLED}TestWorkerStalled::test_wakes_after_its_lease_was_taken_and_writes_nothing",
        f"{_IN}loading/test_leases.py::TestExpiredLease::test_leaves_a_stalled_worker_nothing_to_write",
    ),
    3: row(
        "all workers and the sweeper die together",
        f"{_KILLED}TestWorkerKilled::test_together_with_the_sweeper_and_all_others",
        long=(_SOAK,),
    ),
    4: row(
        "Redis comes back empty",
        f"{_SERVERS}TestRedis::test_flushed_loses_nothing",
        f"{_SERVERS}TestRedis::test_killed_and_restarted_loses_nothing",
        f"{_SERVERS}TestBell::test_never_delivered_is_made_up_for_by_the_sweeper",
    ),
    5: row(
        "Redis is away for a while",
        f"{_SERVERS}TestRedis::test_down_does_not_keep_uploads_from_being_acknowledged",
        f"{_IN}realtime/test_daphne.py::TestWithoutRedis"
        "::test_a_page_is_told_by_and_by_and_at_once_again_when_redis_is_back",
    ),
    6: row(
        "Postgres loses a backend in the middle of a COPY",
        f"{_SERVERS}TestPostgres::test_loses_backends_in_the_middle_of_batches",
        f"{_SERVERS}TestPostgres::test_loses_the_backends_of_the_web_server",
        long=(_SOAK,),
    ),
    7: row(
        "Postgres crashes and recovers",
        f"{_SERVERS}TestPostgres::test_keeps_every_acknowledged_chunk",
        f"{_SERVERS}TestPostgres::test_down_while_a_batch_is_at_work_leaves_no_half_of_it",
        long=(_SOAK,),
    ),
    8: row(
        "Postgres is away for a while",
        f"{_SERVERS}TestPostgres::test_down_is_503_with_retry_after_and_everything_goes_on",
        "e2e/test_faults.py::TestFailOpen::test_server_goes_away_under_an_open_page",
    ),
    9: row(
        "the disk is full",
        f"{_FAULTS}full_disk.py::TestAFullDisk"
        "::test_holds_everything_up_and_takes_nothing_and_when_there_is_room_it_goes_on",
    ),
    10: row(
        "transactions meet in deadlocks or wait for each other's locks",
        f"{_IN}records/test_crowds.py::test_many_devices_that_write_the_same_keys_in_any_order_all_get_through",
        f"{_IN}records/test_at_once.py::TestAtOnce::test_ops_and_batches_of_chunks_take_turns",
        f"{_IN}backups/test_rotating.py::test_a_batch_and_a_rotation_that_want_the_same_chunks_both_come_to_an_end",
    ),
    11: row(
        "the web server is ended or killed during uploads",
        f"{_SERVERS}TestWebServer::test_ends_in_the_middle_of_uploads",
        "tests/stack/test_serve.py::TestEnd::test_lets_running_requests_finish_and_takes_no_new_ones",
    ),
    12: row(
        "the web server dies between its commit and its answer",
        f"{_SERVERS}TestWebServer::test_killed_at_a_named_point_answers_the_retry_as_if_nothing_had_been",
        f"{_FAULTS}writing.py::TestWriting::test_survives_the_death_of_the_web_server",
    ),
    13: row(
        "a clock is wrong by an hour or by years, or is set in the midst of work",
        f"{_PLAYED}clocks.test.ts::loses nothing where it is set in the midst of writing: %s",
        f"{_PLAYED}clocks.test.ts::does not hide that the browser died",
        "e2e/test_dual_write_lacking.py::TestAWrongClock::test_decides_nothing",
        f"{_FLOWS}wrong_clock.py::TestAServerWhoseClockJumps::test_takes_writes_in_the_order_in_which_they_come",
        f"{_FLOWS}wrong_clock.py::TestAServerWhoseClockJumps::test_brings_a_migration_to_its_receipt",
        long=(f"{_PLAYED}clocks.test.ts::decides nothing: %s, all is as it would be with the right time",),
    ),
    14: row(
        "two sweepers are at work at once",
        f"{_SERVERS}TestBell::test_two_sweepers_at_once_do_what_one_does",
        f"{_IN}lifecycle/test_runs.py::TestSweep::test_acts_one_at_a_time",
    ),
    15: row(
        "a worker is called ten times for one thing",
        f"{_SERVERS}TestBell::test_delivered_ten_times_is_heard_once",
        f"{_IN}loading/test_orders.py::test_the_same_chunk_loaded_again_changes_nothing",
    ),
    16: Fault(
        "page and server are of different releases",
        why_not="there is no earlier release yet to hold against this one; the wire carries its version",
    ),
    17: row(
        "a chunk comes twice, or many times at once",
        f"{_UPLOADS}TestDuplicates::test_at_the_same_time_are_stored_once",
        f"{_IN}api/test_intake.py::TestAtOnce::test_thirty_two_equal_chunks_are_one",
    ),
    18: row(
        "chunks come in another order",
        f"{_UPLOADS}TestOrder::test_does_not_matter_while_the_page_writes_on",
        f"{_IN}loading/test_orders.py::TestFiveChunks::test_end_alike_in_every_order",
        long=(f"{_IN}loading/test_orders.py::test_twenty_chunks_end_alike_in_random_orders",),
    ),
    19: row(
        "a chunk is damaged on its way",
        f"{_UPLOADS}TestDamage::test_is_refused_by_name_and_leaves_nothing",
        "tests/unit/uploads/test_envelope.py::TestOpening::test_lets_no_flipped_bit_change_the_payload",
        f"{_SDK}flow.test.ts::sends a damaged chunk again under another id",
    ),
    20: row(
        "a chunk is cut off, or something hangs on at its end",
        f"{_UPLOADS}TestDamage::test_every_prefix_of_a_body_is_refused",
        "tests/unit/uploads/test_envelope.py::TestOpening::test_refuses_a_stream_cut_off_anywhere",
        "tests/unit/uploads/test_envelope.py::TestOpening::test_refuses_what_follows_the_stream",
    ),
    21: row(
        "a small body inflates to something enormous",
        "tests/unit/uploads/test_envelope.py::TestLimits::test_stops_a_bomb_at_the_cap_whatever_it_announces",
        f"{_IN}archives/test_importing.py::TestImports::test_stop_at_a_bomb",
        f"{_IN}api/test_memory.py::TestABudget::test_is_never_overdrawn",
    ),
    22: row(
        "JSON is nested too deep or too wide",
        f"{_UPLOADS}TestDamage::test_deep_values_are_values_like_any_other",
        f"{_IN}api/test_bodies.py::TestABrokenBody::test_is_refused_by_its_code",
        f"{_IN}api/test_bodies.py::TestAChunk::test_may_hold_ten_thousand_entries_and_deletions",
    ),
    23: row(
        "another body comes under an id that was used",
        f"{_UPLOADS}TestDuplicates::test_of_another_payload_under_one_id_are_refused",
        f"{_IN}api/test_intake.py::TestAtOnce::test_eight_payloads_under_one_id_have_one_winner",
    ),
    24: row(
        "a connection breaks anywhere, or hardly moves",
        f"{_NETWORK}test_cut_at_any_byte_on_the_way_up_leaves_no_half_chunk",
        f"{_NETWORK}test_cut_at_any_byte_of_the_answer_is_harmless",
        f"{_NETWORK}test_slow_bodies_starve_nobody",
    ),
    25: row(
        "the line is slow, far and breaks now and then",
        f"{_NETWORK}test_two_seconds_of_latency_only_take_time",
        f"{_NETWORK}test_ten_kilobytes_a_second_only_take_time",
        f"{_NETWORK}test_a_distant_postgres_only_takes_time",
        long=(
            f"{_PLAYED}slow_lines.test.ts::takes a full store over by dual write, and little of it twice",
            f"{_PLAYED}slow_lines.test.ts::takes a full store over by a run",
        ),
    ),
    26: row(
        "the server fails for minutes under many clients",
        f"{_SDK}retry.test.ts::keeps many requests from storming a server that is down",
        long=(f"{_PLAYED}answers.test.ts::meets no storm when it is back",),
    ),
    27: row(
        "the server says when to come back, well or badly",
        f"{_SDK}retry.test.ts::%j is waited out, and not much more",
        f"{_PLAYED}answers.test.ts::is sent nothing before that, whatever the page does: %s",
    ),
    28: row(
        "the token expires in the middle",
        f"{_UPLOADS}TestToken::test_that_expires_before_every_request_only_costs_a_sign_in",
        f"{_SDK}auth.test.ts::has one refresh for all requests a token expired under, wherever it expires",
        "e2e/test_accounts.py::TestTokens::test_one_that_expires_in_the_middle_is_renewed_once",
        "e2e/test_dual_write_lacking.py::TestAServer::test_that_refuses_an_old_token_is_shown_another_one",
    ),
    29: row(
        "the app is switched off in the middle",
        f"{_PLAYED}answers.test.ts::is left in peace within a minute, and the page keeps everything",
        f"{_SDK}flow.test.ts::stops when the app is disabled, and says so",
        f"{_SDK}sync.test.ts::waits while nobody is signed in, and goes on after that",
        "e2e/test_dual_write_lives.py::TestAServer::test_that_disables_the_app_leaves_the_page_alone",
        f"{_IN}loading/test_claims.py::TestRunThatMayNotLoad::test_waits_while_its_app_is_switched_off",
    ),
    30: row(
        "a socket breaks and messages are missed",
        f"{_SDK}progress.test.ts::comes back after 200 drops without the percentage ever falling",
        f"{_IN}realtime/test_events.py::TestRunSocket::test_comes_back_to_a_snapshot_that_missed_nothing",
    ),
    31: row(
        "no socket gets through at all",
        "e2e/test_faults.py::TestSocketBlocked::test_asking_takes_its_place",
        "e2e/test_dual_write_lacking.py::TestABrowserThatLacks"
        "::test_something_has_its_changes_on_the_server_and_gets_those_of_others",
        f"{_SDK}progress.test.ts::asks instead where no socket gets through, every two to thirty seconds",
    ),
    32: row(
        "text holds halves of characters",
        f"{_SDK}codec.test.ts::brings any two strings back, by way of well-formed UTF-8",
        f"{_STORED}test_give_back_every_code_unit_as_key_and_as_value",
        "e2e/test_exactness.py::TestExactness::test_round_trip",
    ),
    33: row(
        "text holds NUL",
        f"{_STORED}test_give_back_every_escape_of_a_code_unit",
        f"{_IN}records/test_stored_bytes.py::TestTheForm::test_is_queryable_exactly_where_postgres_can_read_every_string",
    ),
    34: row(
        "numbers, members and texts that JSON readers change",
        "tests/unit/values/test_forms.py::TestForm::test_is_verbatim_for_json_of_any_spelling",
        f"{_STORED}test_give_back_any_string",
        f"{_IN}loading/test_merge.py::TestExactness::test_value_comes_back_code_unit_for_code_unit",
        "e2e/test_exactness.py::TestExactness::test_round_trip",
    ),
    35: row(
        "keys have names that mean something to the language",
        f"{_SDK}area.test.ts::finds every key, whatever it is called",
        f"{_IN}loading/test_merge.py::TestExactness::test_any_key_is_a_key",
        "e2e/test_exactness.py::TestExactness::test_round_trip",
    ),
    36: row(
        "a value, a key or the number of keys is as large as it can be",
        "e2e/test_exactness.py::TestTheCorpus::test_fills_the_quota_with_one_value_and_fits_it_elsewhere",
        f"{_SDK}slices.test.ts::is no longer than three frames: %s",
        f"{_SDK}flow.test.ts::reports an entry that is too large and moves the rest",
        long=("e2e/test_slices.py::TestSlices::test_no_slice_is_longer_than_three_frames",),
    ),
    37: row(
        "some entries of many are bad",
        f"{_KILLED}TestPoison::test_one_bad_entry_in_a_thousand",
        f"{_IN}loading/test_poison.py::TestRefusal::test_of_one_in_a_thousand_lets_the_rest_land",
        f"{_IN}archives/test_under_load.py::test_ten_percent_bad_records_are_counted_and_the_rest_lands",
    ),
}

"""Rows 38 to 62: browsers and pages that come and go, writes on both sides, cutover, and the ways back."""

from tests.faults.rows.fault import Fault, row

_FLOWS, _IN, _SDK = "tests/flows/test_", "tests/integration/", "frontend_sdk/test/"
_PLAYED = f"{_SDK}faults/"
_SIMULATED = f"{_SDK}simulator/chance.test.ts::ends well: seeds from %i"
_BUGS = f"{_SDK}simulator/bugs.test.ts::is noticed: %s"
_CAPTURE = "e2e/test_capture.py::"

FAULTS: dict[int, Fault] = {
    38: row(
        "a tab is closed in the middle of an upload",
        "e2e/test_resume.py::TestResume::test_in_a_new_tab_after_the_first_was_closed",
        f"{_SDK}faults.test.ts::loses and doubles nothing: request %i",
        f"{_SDK}flow.test.ts::sends only what is missing after the page was closed half-way",
    ),
    39: row(
        "the browser is killed",
        "e2e/test_browser_killed.py::TestBrowserKilled"
        "::test_has_everything_acknowledged_and_everything_written_that_it_kept",
        "e2e/test_browser_killed.py::TestKilledInTheMiddleOfWriting"
        "::test_goes_on_from_what_it_kept_and_takes_nothing_back",
        "e2e/test_resume.py::TestBrowserKilled::test_next_start_goes_on_and_loses_nothing_acknowledged",
        f"{_SDK}sync.care.test.ts::and lost what was acknowledged gets it back, and does not undo it",
        long=(_SIMULATED,),
    ),
    40: row(
        "several tabs are open, and the leading one goes",
        "e2e/test_dual_write.py::TestOneDevice::test_has_another_tab_lead_two_seconds_after_the_leading_one_went",
        "e2e/test_tabs.py::TestTwoTabs::test_the_second_takes_over_from_a_closed_one",
        long=(f"{_PLAYED}tabs.test.ts::have one that speaks at a time",),
    ),
    41: row(
        "two devices of one user write the same keys",
        f"{_IN}records/test_writing.py::TestTwoDevices::test_are_judged_by_the_policy_and_the_loser_is_kept",
        "tests/faults/test_uploads.py::TestTwoDevices::test_with_the_same_keys_lose_no_value",
        f"{_IN}records/test_model.py::test_writing_follows_the_model",
        "e2e/test_dual_write.py::TestTwoDevices::test_keep_both_sides_of_edits_made_apart",
        long=(_SIMULATED, f"{_IN}records/test_model.py::test_writing_follows_the_model_at_length"),
    ),
    42: row(
        "a device is away for ten days and writes thousands of times",
        f"{_IN}custody/test_pruning.py::TestThePast::test_goes_as_far_as_no_device_away_needs_it",
        f"{_SDK}sync.pruned.test.ts::are learnt from what is not there",
        long=(f"{_PLAYED}away.test.ts::are told in as many writes",),
    ),
    43: row(
        "the storage is full",
        f"{_CAPTURE}TestThePage::test_is_told_of_a_full_storage_at_the_same_size_in_the_same_words",
        f"{_SDK}sync.down.test.ts::waits for room, and only that one waits",
        "e2e/test_degradation.py::test_dual_write_degrades_as_the_readme_says",
    ),
    44: row(
        "the browser lacks or refuses what we build on",
        f"{_SDK}environments.test.ts::with site data blocked",
        f"{_SDK}environments.test.ts::migrates in a private window without IndexedDB, and keeps nothing",
        f"{_SDK}environments.test.ts::answers every call where it can",
        "e2e/test_degradation.py::test_every_row_of_the_readme_has_a_test",
        "e2e/test_degradation.py::test_dual_write_degrades_as_the_readme_says",
    ),
    45: row(
        "the storage is wiped in the middle",
        f"{_SDK}flow.test.ts::deletes nothing when the storage was wiped half-way",
        f"{_SDK}sync.care.test.ts::comes back whole where the browser took the table with it",
        "e2e/test_dual_write.py::TestOneDevice::test_deletes_nothing_when_its_storage_was_cleared",
        long=(f"{_PLAYED}wiped.test.ts::deletes nothing on the server",),
    ),
    46: row(
        "there are so many keys that looking through them takes long",
        f"{_SDK}slices.test.ts::is no longer than three frames: %s",
        f"{_SDK}slices.test.ts::is no longer than that, or than the sending of one value: %s",
        f"{_SDK}area.test.ts::looks by number only where something is hidden",
        long=("e2e/test_slices.py::TestSlices::test_no_slice_is_longer_than_three_frames",),
    ),
    47: row(
        "the page writes in any way there is, and other tabs do",
        f"{_CAPTURE}TestEveryWayOfWriting::test_is_heard",
        f"{_CAPTURE}TestEveryWayOfWriting::test_is_heard_from_another_tab",
        f"{_CAPTURE}TestEveryWayOfWriting::test_is_found_at_the_next_visit_when_the_page_was_going",
        f"{_CAPTURE}TestWithoutTheFrame::test_what_is_written_is_found_by_looking",
    ),
    48: row(
        "the page writes while its storage is looked through",
        f"{_PLAYED}scanning.test.ts::has nothing torn in a run alone",
        "e2e/test_writing.py::TestWritingMeanwhile::test_last_writes_and_deletions_arrive",
        long=(f"{_PLAYED}scanning.test.ts::has its last write of every key on the server with dual write",),
    ),
    49: row(
        "pages are hidden, frozen, put away and brought back",
        f"{_PLAYED}leaving.test.ts::sends what fits so that it outlives the page: %s",
        "e2e/test_dual_write_lives.py::TestAPage::test_frozen_and_thawed_knows_what_happened_meanwhile",
        "e2e/test_dual_write_lives.py::TestAPage::test_that_is_gone_to_and_come_back_to_goes_on",
        long=(f"{_PLAYED}leaving.test.ts::loses nothing, however pages are hidden",),
    ),
    50: row(
        "somebody signs out in the middle, or somebody else signs in",
        f"{_SDK}auth.test.ts::never sends it where the user changes half-way either",
        "e2e/test_dual_write_lives.py::TestSomebodyElse::test_who_signs_in_is_sent_nothing_until_the_page_says_so",
        _BUGS,
        long=(f"{_PLAYED}switched.test.ts::is given nothing of whom the data belongs to",),
    ),
    51: row(
        "reads move to the server and back while writes are in flight",
        f"{_FLOWS}flips.py::test_twenty_five_flips_under_four_writers_lose_nothing_and_show_nothing_stale",
        f"{_SDK}cutover.test.ts::never shows what the page overwrote while the server was asked",
        long=(f"{_FLOWS}flips.py::test_five_hundred_flips_lose_nothing_and_show_nothing_stale",),
    ),
    52: row(
        "the share of owners is raised and lowered",
        "tests/unit/cutover/test_buckets.py::TestBuckets::test_move_nobody_back_when_the_percentage_rises",
        "tests/unit/cutover/test_buckets.py::TestBuckets::test_hold_the_target_within_one_percent_of_the_owners",
    ),
    53: row(
        "everything is taken back while both sides are written",
        f"{_FLOWS}going_back_often.py::test_back_from_dual_write_is_the_snapshot_and_lists_every_later_edit",
        f"{_FLOWS}ways_back.py::TestUnderWriters::test_of_two_devices_nothing_acknowledged_is_lost_to_sight",
        "e2e/test_going_back.py::TestARollbackUnderAnOpenPage"
        "::test_is_told_to_it_touches_no_local_byte_and_is_not_undone_by_it",
    ),
    54: row(
        "the same is taken back twice, or by many at once",
        f"{_FLOWS}going_back_often.py::test_twenty_races_of_four_are_each_one_rollback",
        f"{_IN}orchestration/test_rolling_back.py::TestOnce::test_eight_at_once_are_one",
    ),
    55: row(
        "something is taken back where only the server was written",
        f"{_FLOWS}ways_back.py::TestWhereTheServerHasWrittenByItself"
        "::test_what_only_it_wrote_is_set_aside_and_comes_back_by_undoing",
    ),
    56: row(
        "something is taken back for a browser that was wiped or has no room for it",
        f"{_FLOWS}ways_back.py::TestWithTheBrowserOrItsRoomGone"
        "::test_an_evicted_browser_still_has_its_backup_and_nothing_is_put_into_it",
        f"{_FLOWS}ways_back.py::TestWithTheBrowserOrItsRoomGone"
        "::test_more_than_any_browser_holds_goes_back_and_is_told_in_pages",
        f"{_SDK}area.test.ts::writes everything, or leaves everything as it was",
        f"{_SDK}restoring.test.ts::has all of the backup or is left as it was, whatever room and remains it has",
    ),
    57: row(
        "a backup is damaged, or its key is gone",
        f"{_IN}backups/test_backups.py::TestACorruptBackup::test_is_refused_whichever_byte_was_flipped",
        f"{_IN}custody/test_restoring.py::TestNothingChangesWhen::test_a_byte_of_the_backup_is_wrong",
        "tests/unit/extraction/test_chunks.py::TestOpening::test_refuses_without_the_key",
    ),
    58: row(
        "anything is asked for in any state",
        f"{_IN}api/test_steering.py::TestEveryWishInEveryState::test_is_granted_or_refused_whole",
        f"{_IN}orchestration/test_cutting_over.py::TestEveryStateAndAction"
        "::test_is_legal_and_whole_or_refused_and_nothing",
        f"{_IN}orchestration/test_app_rollbacks_interrupted.py::TestPausing"
        "::test_retrying_and_resuming_are_legal_or_refused_in_every_state",
        f"{_IN}cutover/test_model.py::test_cutting_over_follows_the_model",
        f"{_IN}orchestration/test_model.py::test_operating_follows_the_model",
        f"{_IN}orchestration/test_model_of_ways_back.py::test_ways_back_follow_the_model",
        long=(
            f"{_IN}cutover/test_model.py::test_cutting_over_follows_the_model_at_length",
            f"{_IN}orchestration/test_model.py::test_operating_follows_the_model_at_length",
            f"{_IN}orchestration/test_model_of_ways_back.py::test_ways_back_follow_the_model_at_length",
        ),
    ),
    59: row(
        "what is held differs from what was sent",
        f"{_IN}orchestration/test_verification.py::TestDamage::test_is_found_in_every_bucket_it_was_done_to",
        f"{_IN}orchestration/test_verification.py::TestDamage::test_is_found_in_its_bucket_and_repaired_by_resending",
        f"{_IN}orchestration/test_verification.py::TestSoundRuns::test_raise_no_false_alarm_in_a_hundred_verifications",
        f"{_SDK}flow.test.ts::gives up after three rounds of repair",
    ),
    60: row(
        "an owner is erased while a migration is under way",
        f"{_IN}custody/test_erasing.py::TestErasingAnOwnerWhoseRunIsUnderWay::test_stops_the_run_and_leaves_nothing",
        f"{_IN}custody/test_erasing.py::TestErasing::test_that_dies_anywhere_goes_on_where_it_was",
        f"{_IN}custody/test_coming_back.py::TestAnAccount"
        "::test_is_refused_with_an_old_token_an_old_run_and_an_offline_device",
        "tests/faults/test_erasing.py::TestErasing::test_survives_the_death_of_its_worker",
    ),
    61: row(
        "an operator switches everything off",
        f"{_FLOWS}kill_switch.py::TestAnAppThatIsSwitchedOff"
        "::test_stops_two_hundred_clients_at_their_next_word_and_lets_them_go_on_later",
        f"{_FLOWS}kill_switch.py::TestAnAppThatIsSwitchedOff::test_is_told_to_open_pages_at_once",
        f"{_IN}realtime/test_events.py::TestAPanic::test_reaches_open_pages_within_five_seconds_also_when_no_message_does",
    ),
    62: row(
        "the database is restored from an older dump",
        f"{_PLAYED}restored.test.ts::goes on with a run that it does not know",
        f"{_IN}records/test_writing.py::TestARequest::test_of_another_timeline_is_refused",
        f"{_SDK}sync.adoption.test.ts::does not come back when the database was restored",
        long=(f"{_PLAYED}restored.test.ts::has everything again that a browser still holds, and all of them agree",),
    ),
}

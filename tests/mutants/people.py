"""Bugs in who an account is, and in whether it is shown."""

from tests.mutants.mutant import Mutant

ACCOUNTS = "tests/network/test_accounts.py"
IDENTITY = "tests/xrpc/test_identity.py"
REPLAY = "tests/indexer/test_replay.py"
WINDOW = "tests/indexer/test_window.py"
SIGN_OF_LIFE = (
    "tests/indexer/test_retries.py::test_who_was_gone_and_gives_a_sign_of_life_is_walked",
)

PEOPLE = (
    Mutant(
        name="slow-domains-in-the-way",
        file="indexer/questions.py",
        old="min(AT_ONCE + aside, AT_MOST)",
        new="AT_ONCE",
        breaks="domains that never answer hold up the questions about everybody else",
        tests=(
            "tests/indexer/test_questions.py"
            "::test_hosts_of_many_names_that_never_answer_hold_up_nobody_else",
        ),
    ),
    Mutant(
        name="hidden-never-confirmed",
        file="indexer/decisions.py",
        old="        due = None if event.active else event.did",
        new="        due = None",
        breaks="one lie of a relay hides an account for good",
        tests=(f"{ACCOUNTS}::test_case_74_78_R24_a_lie_about_an_account_erases_nothing",),
    ),
    Mutant(
        name="unreachable-taken-for-gone",
        file="indexer/accounts.py",
        old=(
            "            await self._later_each_time(STATUS_FAILED, did)\n            return\n"
            "        await self._set_status"
        ),
        new=(
            '            await self._set_status(did, "deleted", shown=False)\n            return\n'
            "        await self._set_status"
        ),
        breaks="a host that is down for a minute loses its accounts",
        tests=(f"{ACCOUNTS}::test_R24_a_pds_that_cannot_be_reached_is_no_proof_of_anything",),
    ),
    Mutant(
        name="throttled-hides",
        file="indexer/decisions.py",
        old='STILL_SHOWN = frozenset({"throttled", "desynchronized"})',
        new='STILL_SHOWN = frozenset({"desynchronized"})',
        breaks="a relay that is short of breath hides whom it throttles",
        tests=(f"{WINDOW}::test_R23_which_statuses_hide",),
    ),
    Mutant(
        name="unknown-status-shows",
        file="indexer/decisions.py",
        old="    return active or status is None or status in STILL_SHOWN",
        new='    return active or status not in {"deleted", "suspended", "deactivated"}',
        breaks="who is hidden by a status that we do not list is shown",
        tests=(f"{WINDOW}::test_R23_which_statuses_hide",),
    ),
    Mutant(
        name="no-sign-of-life",
        file="indexer/decisions.py",
        old="            asked = Step(did=event.did, status_due=event.did)",
        new="            asked = Step(did=event.did)",
        breaks="an account that came back untold stays hidden",
        tests=(f"{WINDOW}::test_R25_a_commit_of_a_hidden_account_has_its_host_asked",),
    ),
    Mutant(
        name="handle-proven-one-way",
        file="xrpc/identity.py",
        old="        return await self._settle(identity, claimed if did == identity.did else None)",
        new="        return await self._settle(identity, claimed)",
        breaks="anybody may call themselves by anybody's name",
        tests=(f"{IDENTITY}::test_case_80_a_claim_that_does_not_point_back_is_no_handle",),
    ),
    Mutant(
        name="handle-found-one-way",
        file="xrpc/identity.py",
        old=("        if identity.claimed_handle != handle:\n            raise HandleNotResolved"),
        new="        if False:\n            raise HandleNotResolved",
        breaks="a domain may send its readers to a stranger",
        tests=(f"{IDENTITY}::test_a_handle_whose_did_does_not_claim_it_finds_nobody",),
    ),
    Mutant(
        name="dns-conflict-ignored",
        file="xrpc/handles.py",
        old="    if len(found) > 1:",
        new="    if False:",
        breaks="two TXT records make it a matter of luck whose handle it is",
        tests=(f"{IDENTITY}::test_case_81_two_txt_records_with_different_dids_prove_nothing",),
    ),
    Mutant(
        name="another-dids-document",
        file="xrpc/did_document.py",
        old='    if document.get("id") != did:',
        new="    if False:",
        breaks="a directory's mix-up gives an account another's key",
        tests=(
            "tests/xrpc/test_did_document.py::test_case_85_a_document_of_another_did_is_refused",
        ),
    ),
    Mutant(
        name="forced-without-limit",
        file="xrpc/identity.py",
        old="        return bucket.take(self._seconds())",
        new="        return True",
        breaks="bad signatures make us flood the directory",
        tests=(
            f"{IDENTITY}::test_a_forced_question_past_its_rate_never_answers_from_old_knowledge",
        ),
    ),
    Mutant(
        name="trouble-takes-handles-away",
        file="xrpc/handles.py",
        old="            if error.reason in _PASSING:",
        new="            if False:",
        breaks="a timeout of a domain takes its handles away",
        tests=(f"{IDENTITY}::test_trouble_of_the_domain_takes_no_handle_away",),
    ),
    Mutant(
        name="returns-untold-and-unwalked",
        file="indexer/accounts.py",
        old="pipeline.welcome_back(did, State.GONE)",
        new="()",
        breaks="whose host takes them back is shown without what was missed",
        tests=SIGN_OF_LIFE,
    ),
    Mutant(
        name="returns-told-and-unwalked",
        file="indexer/decisions.py",
        old="        return (step, *self.welcome_back(event.did, State.GONE, State.WAITING))",
        new="        return (step, *self.welcome_back(event.did, State.WAITING))",
        breaks="who comes back by an #account is shown without what was missed",
        tests=SIGN_OF_LIFE,
    ),
    Mutant(
        name="gone-chains-on",
        file="indexer/repo_state.py",
        old="    if repo.state is not State.SYNCHRONIZED:",
        new="    if repo.state not in {State.SYNCHRONIZED, State.GONE}:",
        breaks="one commit papers over all that was purged",
        tests=("tests/indexer/test_repo_state.py::test_a_commit_does_not_mend_what_is_missing",),
    ),
    Mutant(
        name="replay-without-patience",
        file="indexer/replay.py",
        old="    pipeline.network_wait_seconds = None",
        new="    pass",
        breaks="behind a slow directory a replay loses what an account wrote",
        tests=(f"{REPLAY}::test_a_directory_slower_than_a_stream_would_wait_for_loses_nothing",),
    ),
)

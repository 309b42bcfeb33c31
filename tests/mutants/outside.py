"""Bugs in what goes out to strangers and in whom we believe that comes in."""

from tests.mutants.mutant import Mutant

CLIENT = "tests/xrpc/test_client.py"
AUTH = "tests/xrpc/test_auth.py"

OUTSIDE = (
    Mutant(
        name="places-held-for-ever",
        file="xrpc/places.py",
        old="since + self._least_seconds if number < waiting else None",
        new="None",
        breaks="hosts that never answer keep us from all others",
        tests=(
            "tests/xrpc/test_tarpits.py"
            "::test_hosts_that_never_answer_leave_a_place_to_one_that_does",
        ),
    ),
    Mutant(
        name="private-address-allowed",
        file="xrpc/addresses.py",
        old='        "10.0.0.0/8",\n',
        new="",
        breaks="a DID document can have us ask the machines beside us",
        tests=("tests/xrpc/test_addresses.py::test_a_special_address_is_not_public",),
    ),
    Mutant(
        name="private-name-allowed",
        file="xrpc/guard.py",
        old="            if isinstance(address, Address) and (unguarded or is_public(address)):",
        new="            if isinstance(address, Address):",
        breaks="a name that leads inside is followed inside",
        tests=(f"{CLIENT}::test_only_the_public_addresses_of_a_name_are_kept",),
    ),
    Mutant(
        name="name-looked-up-twice",
        file="xrpc/guard.py",
        old="                    address, port, seconds, local_address, socket_options",
        new="                    host, port, seconds, local_address, socket_options",
        breaks="between check and use a name may change its address",
        tests=(f"{CLIENT}::test_the_name_is_looked_up_once_and_the_checked_address_is_used",),
    ),
    Mutant(
        name="redirect-unchecked",
        file="xrpc/client.py",
        old="            trusted = trusted and endpoint_of(following) in self._guard.trusted\n",
        new="",
        breaks="a trusted host can send us inside",
        tests=(f"{CLIENT}::test_case_89_a_redirect_of_a_trusted_host_is_checked_like_a_strangers",),
    ),
    Mutant(
        name="redirect-to-http",
        file="xrpc/urls.py",
        old='    if url.scheme == "https" and following.scheme != "https":',
        new="    if False:",
        breaks="a redirect takes the encryption away",
        tests=(f"{CLIENT}::test_https_never_becomes_http",),
    ),
    Mutant(
        name="bodies-unbounded",
        file="xrpc/client.py",
        old="        if read > max_bytes:",
        new="        if False:",
        breaks="an answer without end fills memory or disk",
        tests=(f"{CLIENT}::test_a_body_past_the_bound_is_refused_before_and_while_it_is_read",),
    ),
    Mutant(
        name="token-for-another-service",
        file="xrpc/auth.py",
        old="        if token.audience not in self._audiences:",
        new="        if False:",
        breaks="a token that another service was given opens ours",
        tests=(f"{AUTH}::test_case_113_the_audience_is_this_service_bare_or_with_its_fragment",),
    ),
    Mutant(
        name="token-for-another-method",
        file="xrpc/auth.py",
        old="        if token.method != method.nsid:",
        new="        if False:",
        breaks="a token for reading one thing opens another",
        tests=(f"{AUTH}::test_case_115_the_token_names_the_method",),
    ),
    Mutant(
        name="token-expired",
        file="xrpc/service_token.py",
        old="    if expires_at <= now:",
        new="    if False:",
        breaks="a token that leaked is good for ever",
        tests=(f"{AUTH}::test_case_114_a_token_lives_for_a_stated_and_short_time",),
    ),
    Mutant(
        name="token-unsigned",
        file="xrpc/auth.py",
        old="        if not _is_signed_by(token, fresh):",
        new="        if False:",
        breaks="anybody is whoever they say",
        tests=(
            f"{AUTH}::test_case_120_a_rotated_key_is_looked_up_once_and_the_old_one_fails",
            f"{AUTH}::test_a_forged_signature_costs_one_question_and_then_few",
        ),
    ),
    Mutant(
        name="token-replayed",
        file="xrpc/auth.py",
        old="            self._use_up(token)",
        new="            pass",
        breaks="a procedure can be called again with a token seen on the way",
        tests=(
            f"{AUTH}::test_case_123_a_token_is_used_once_for_a_procedure_and_often_for_queries",
        ),
    ),
)

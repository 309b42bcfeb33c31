"""Bugs in whose labels are believed, how long they hold, and what they hide."""

from tests.mutants.mutant import Mutant

LABELS_ = "tests/indexer/test_labels.py"
FRAMES = "tests/indexer/test_label_frames.py"
NETWORK = "tests/network/test_labels.py"
SHOWN = "tests/appview/test_labels.py"

LABELS = (
    Mutant(
        name="labels-unproven",
        file="indexer/labels/subscription.py",
        old="        if doubtful:\n",
        new="        proven += doubtful\n        if False:\n",
        breaks="whoever can put bytes into the stream hides what he likes",
        tests=(f"{NETWORK}::test_R45_a_label_counts_only_as_its_labeler_signed_it",),
    ),
    Mutant(
        name="older-negation-wins",
        file="indexer/labels/store.py",
        old="        where (excluded.made_at, excluded.seq) >= (held.made_at, held.seq)\n",
        new="",
        breaks="what comes late undoes what was said after it",
        tests=(f"{LABELS_}::test_R45_any_order_and_any_replay_end_the_same",),
    ),
    Mutant(
        name="labels-of-the-stream-without-rewind",
        file="indexer/labels/subscription.py",
        old="await store.load_cursor(self.pool, self.labeler) - 1)",
        new="await store.load_cursor(self.pool, self.labeler))",
        breaks="a labeler that counts its cursor inclusively drops a label between two connections",
        tests=(f"{NETWORK}::test_R45_the_stream_is_read_again_from_one_before",),
    ),
    Mutant(
        name="negation-undoes-the-operator",
        file="indexer/labels/hiding.py",
        old="              and takedown.labeler = gone.labeler\n",
        new="",
        breaks="a labeler that changes its mind undoes a takedown that was decided here",
        tests=(f"{NETWORK}::test_R45_neither_labelers_nor_the_operator_undo_one_another",),
    ),
    Mutant(
        name="labels-of-any-version",
        file="migrations/versions/0001_index.sql",
        old="      label.cid = ''\n",
        new="      true\n",
        breaks="a label of one version hides the next one, too",
        tests=(f"{NETWORK}::test_R45_a_label_of_one_version_goes_with_it",),
    ),
    Mutant(
        name="remembered-for-other-labelers",
        file="xrpc/server.py",
        old="request.labelers, tuple(map(",
        new="tuple(map(",
        breaks="who accepts no labeler is shown the labels that another accepted",
        tests=(f"{SHOWN}::test_a_remembered_page_is_for_those_who_accept_the_same",),
    ),
    Mutant(
        name="pages-without-labels",
        file="appview/pages/asking.py",
        old="        await label(self.context, answer, self.context.settings.labelers)\n",
        new="",
        breaks="people do not see what programs are told of a track",
        tests=(
            "tests/appview/test_pages.py::test_R45_a_page_shows_the_labels_that_its_views_have",
        ),
    ),
)

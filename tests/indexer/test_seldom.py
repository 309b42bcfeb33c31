"""A stranger cannot fill the log, nor hide another's trouble in it."""

import structlog
from structlog.testing import capture_logs

from indexer.seldom import LINES_A_PERIOD, PERIOD_SECONDS, Seldom


def test_of_each_kind_a_few_lines_a_minute_are_written_and_the_others_counted() -> None:
    now = 0.0
    with capture_logs() as lines:
        seldom = Seldom(structlog.get_logger(), lambda: now)
        for _ in range(1_000):
            seldom.info("rejected", "bad-signature", did="did:plc:loud")
        seldom.info("rejected", "bad-cid", did="did:plc:quiet")
        assert [line["did"] for line in lines[LINES_A_PERIOD:]] == ["did:plc:quiet"]
        now = PERIOD_SECONDS
        seldom.info("rejected", "bad-signature", did="did:plc:later")
        seldom.info("rejected", "bad-signature", did="did:plc:later")
    assert lines[-2]["kept_back_before"] == 1_000 - LINES_A_PERIOD
    assert "kept_back_before" not in lines[-1]

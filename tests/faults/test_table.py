"""The table has one line per kind, whatever the result of its trials."""

from dataclasses import replace

from tests.faults.table import markdown
from tests.faults.trial import Row

FINE = Row(fault="redis away", ended="finished", seconds=7.6, lost=0, twice=0, same_bytes=True, alarms=["attempt_lost"])


def test_trials_of_a_kind_share_a_line() -> None:
    wrong = replace(FINE, ended="failed", lost=2, same_bytes=False, wrong="2 prompts lost\nof | 48")
    lines = markdown([FINE, wrong, replace(FINE, fault="s3 away")]).splitlines()
    assert lines[2] == "| redis away | 2 | failed, finished | 0 | 0 | attempt_lost | 8 | 2 | 0 | differ | " + (
        "no: 2 prompts lost of / 48 |"
    )
    assert lines[3].endswith("| same | yes |")
    assert lines[-1] == "2 kinds, 3 tries, 1 not as expected"

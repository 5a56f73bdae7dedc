"""The table of trials, as Markdown and as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

from tests.faults.trial import Row

HEAD = ("fault", "tries", "ended", "resumed", "restarts", "alarms", "seconds", "lost", "twice", "bytes", "as expected")


def markdown(rows: Sequence[Row]) -> str:
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    names = dict.fromkeys(row.fault for row in rows)
    lines += [_line(_cells([row for row in rows if row.fault == name])) for name in names]
    wrong = sum(bool(row.wrong) for row in rows)
    return "\n".join([*lines, "", f"{len(names)} kinds, {len(rows)} tries, {wrong} not as expected"]) + "\n"


def _cells(tries: Sequence[Row]) -> list[str]:
    first, wrong = tries[0], [row.wrong for row in tries if row.wrong]
    return [
        first.fault,
        str(len(tries)),
        ", ".join(sorted({row.ended for row in tries})),
        str(sum(row.resumed for row in tries)),
        str(sum(row.restarts for row in tries)),
        ", ".join(sorted({alarm for row in tries for alarm in row.alarms})) or "–",
        f"{max(row.seconds for row in tries):.0f}",
        str(sum(row.lost for row in tries)),
        str(sum(row.twice for row in tries)),
        "same" if all(row.same_bytes for row in tries) else "differ",
        "yes" if not wrong else f"no: {shorten(wrong[0], 160)}".replace("|", "/"),
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(rows: Sequence[Row], folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(markdown(rows))
    (folder / f"{name}.json").write_text(json.dumps([row.as_json() for row in rows], indent=1))

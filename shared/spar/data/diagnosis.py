"""Explains why a source had no usable row, in one sentence with a fix. Used only after the source was read."""

from pathlib import Path

from spar.data.file_forms import FormProblem, csv_header, not_rows
from spar.data.rejects import SourceTally
from spar.data.rows import RejectKind
from spar.data.sources import Options, container_of, starts_an_array

_NO_ROWS_OF_OURS = {RejectKind.BROKEN, RejectKind.LAYOUT}


def why_nothing(name: str, options: Options, tally: SourceTally) -> FormProblem:
    """A problem with the source's format, or the reason its rows were rejected for."""
    return _form(name, options, tally) or _reason(tally)


def _form(name: str, options: Options, tally: SourceTally) -> FormProblem | None:
    """If no row got as far as its prompt, the format of the file is the cause."""
    if tally.read == 0:
        return FormProblem(what="it has no rows", fix="Check that it is the right file.")
    path, container = Path(name), container_of(name, options.format)
    if not set(tally.rejected) <= _NO_ROWS_OF_OURS:
        return None
    if container == "json" and not starts_an_array(path, options.encoding):
        found = not_rows(path, options.encoding)
        return FormProblem(what=f"it holds {found.what}", fix=found.fix) if found is not None else None
    if container == "csv":
        header = csv_header(path, options.encoding)
        return FormProblem(
            what=f"its first line, which names the columns, is: {header}", fix="Name the prompt's column with --field."
        )
    return None


def _reason(tally: SourceTally) -> FormProblem:
    kind, count = tally.rejected.most_common(1)[0]
    share = f"its {tally.read:,} rows are rejected" if tally.read > 1 else "its only row is rejected"
    most = f", {count:,} of them" if tally.read > count else ""
    return FormProblem(what=f"{share}{most} as {kind.value}: {tally.examples[kind]}", fix="")

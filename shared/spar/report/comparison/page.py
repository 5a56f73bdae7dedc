"""Writes a comparison as one self-contained HTML page, in the form and under the rules of a run's report.

No script, nothing loaded, all other text escaped. Knows nothing of tables or objects.
"""

from spar.report.charts import LineChart, RatePoint, Series, line_chart
from spar.report.comparison.forest import forest
from spar.report.comparison.model import Comparison, MeasureFacts, RunGroup
from spar.report.formats import signed
from spar.report.page import environment, style

LINES = ("c-first", "c-second")
"""The most groups that get a line: more have no styles, and would overlap."""


def render_comparison(found: Comparison) -> str:
    """The whole page, as a string."""
    base = found.groups[0]
    main = None if found.measure is None else base.measure(found.measure)
    kinds = list(dict.fromkeys(kind for group in found.groups for kind in group.work.calls))
    measured = [(group, one) for group in found.groups if (one := _main(found, group))]
    return (
        environment("spar.report.comparison")
        .get_template("compare.html.jinja")
        .render(
            found=found,
            base=base,
            main=main,
            kinds=kinds,
            style=style(),
            names=[group.label for group in found.groups],
            headline=comparison_headline(found),
            runs=sum(len(group.runs) for group in found.groups),
            seeds=max(len(group.runs) for group in found.groups),
            by_seed=all(one.paired_by_seed for _, one in measured),
            gains=forest([(group.label, one.gain) for group, one in measured]),
            differences=forest([(group.label, one.difference) for group, one in measured if one.difference]),
            lines=_lines(found) if main else None,
            outcomes=found.outcomes,
        )
    )


def comparison_headline(found: Comparison) -> str:
    """The significant difference in words, or that there is none."""
    base, others = found.groups[0], found.groups[1:]
    differing = [
        (group.label, one.difference)
        for group in others
        if (one := _main(found, group)) and one.difference and not one.difference.low <= 0 <= one.difference.high
    ]
    if found.measure is None:
        return "Nothing that was measured compares: what became of the prompts, and what it took."
    if not others:
        return f"{base.label} under {len(base.runs)} seeds."
    if not differing:
        return f"No measurable difference to {base.label} at the end."
    label, difference = max(differing, key=lambda each: abs(each[1].value))
    side = "ahead of" if difference.value > 0 else "behind"
    return f"{label} ends {signed(abs(difference.value)).lstrip('+')} points {side} {base.label}."


def _main(found: Comparison, group: RunGroup) -> MeasureFacts | None:
    return None if found.measure is None else group.measure(found.measure)


def _lines(found: Comparison) -> LineChart | None:
    if len(found.groups) > len(LINES):
        return None
    series = []
    for style_name, group in zip(LINES, found.groups, strict=False):
        one = _main(found, group)
        points = (
            [RatePoint(x=x, value=each.value, low=each.low, high=each.high) for x, each in one.by_iteration.items()]
            if one
            else []
        )
        series.append(Series(name=group.label, style=style_name, points=points))
    return line_chart(series)

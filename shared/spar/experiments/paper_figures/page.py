"""Writes a figure as one self-contained HTML page, in the form and under the rules of a run's report.

No script, nothing loaded, everything that is not ours escaped. The plot's numbers are also in a table.
"""

from collections.abc import Sequence

from spar.experiments.paper_figures.series import FigureCurve, table_of
from spar.report.charts import Series, line_chart
from spar.report.page import environment, style

TONES = 8
"""Styles of the template's lines; further curves begin again with the first."""


def render_figure(title: str, curves: Sequence[FigureCurve], notes: Sequence[str]) -> str:
    """The whole page, as a string."""
    series = [
        Series(name=curve.name, style=f"f-{number % TONES}", points=curve.points) for number, curve in enumerate(curves)
    ]
    rows = table_of(curves)
    return (
        environment("spar.experiments.paper_figures")
        .get_template("figure.html.jinja")
        .render(
            title=title,
            chart=line_chart(series),
            rows=rows,
            iterations=range(len(rows[0][1])),
            notes=notes,
            style=style(),
        )
    )

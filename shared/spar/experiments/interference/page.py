"""Writes an experiment as one self-contained HTML page, in the form and under the rules of a run's report.

No script, nothing loaded. Its plots' numbers are also in a table.
"""

from statistics import fmean

from spar.experiments.interference.claims import InterferenceClaim, claims_of, p_text
from spar.experiments.interference.drawing import plots
from spar.experiments.interference.pairs import KINDS
from spar.experiments.interference.results import ExperimentResult
from spar.report.page import environment, style

TITLES = {"characters": "Write a letter so many times", "stories": "A story with a given beginning and end"}
ABOUT = {
    "characters": "The prompt sets the count, not the case. A refined pair keeps the case of the rejected response; an "
    "interfering one has the right count in the other case.",
    "stories": "The prompt sets the first and the last sentence, not those between them. A refined pair is the same "
    "story corrected; an interfering one is another correct story of the same model.",
}


def render(result: ExperimentResult) -> str:
    """The whole page, as a string."""
    claims = claims_of(result)
    table = [
        (step, [(fmean(seeds), min(seeds), max(seeds)) for seeds in cells])
        for step, *cells in zip(
            result.steps, *(result.values(kind, m) for m in range(len(result.measures)) for kind in KINDS), strict=True
        )
    ]
    columns = [f"{measure}, {kind}" for measure in result.measures for kind in KINDS]
    template = environment("spar.experiments.interference").get_template("synthetic.html.jinja")
    return template.render(
        result=result,
        title=TITLES[result.task],
        about=ABOUT[result.task],
        headline=headline(claims),
        claims=claims,
        p_text=p_text,
        plots=plots(result),
        table=table,
        columns=columns,
        style=style(),
    )


def headline(claims: list[InterferenceClaim]) -> str:
    """The main claim's verdict."""
    main = claims[0]
    if main.held:
        return f"Refined pairs end {100 * main.test.mean:.1f} points above interfering ones."
    if main.test.mean < 0:
        return f"Refined pairs do not end above interfering ones: they end {-100 * main.test.mean:.1f} points below."
    return f"Refined pairs end {100 * main.test.mean:.1f} points above interfering ones, which may be chance."

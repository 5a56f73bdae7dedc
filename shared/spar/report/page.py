"""Writes a report as one self-contained HTML page: no script, nothing loaded, all other text escaped.

Models' text is untrusted. Templates escape by default and only our own style sheet is marked as safe; the page's
content security policy also forbids it to run or load anything. Knows nothing of tables or objects.
"""

from functools import cache
from importlib.resources import files

import yaml
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spar.report import formats, view
from spar.report.benchmarks import benchmark_tables
from spar.report.guards import guard_table
from spar.report.headline import MEASURES, gains, headline, standfirst
from spar.report.judge_audit import alarms, audited_labels, judge_audit_tables, type_rows
from spar.report.model import RunReport
from spar.report.words import changed_words

ACTOR_SERIES = (("accuracy", "greedy", "c-first"), ("accuracy_sampled", "sampled, T=0.9", "c-second"))
REFINER_SERIES = (("judge_accuracy", "judges right", "c-first"), ("refine_accuracy", "repairs", "c-second"))


def render(report: RunReport) -> str:
    """The whole page, as a string. Raises AccountingError if a finished run's outcomes do not add up."""
    labels = view.column_labels(report)
    outcome_rows = view.outcome_rows(report)
    seconds = view.step_rows(report, "seconds")
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            style=style(),
            headline=headline(report),
            standfirst=standfirst(report),
            measures=MEASURES,
            gains=gains(report),
            actor_chart=view.accuracy_chart(report, "actor", ACTOR_SERIES),
            refiner_chart=view.accuracy_chart(report, "refiner", REFINER_SERIES),
            benchmark_tables=benchmark_tables(report, labels),
            judge_audit=judge_audit_tables(report, labels),
            judge_audit_types=type_rows(report),
            judge_audit_labels=audited_labels(report, labels),
            alarms=alarms(report),
            guards=guard_table(report, labels),
            trained=view.trained(report),
            labels=labels,
            outcome_rows=outcome_rows,
            outcome_bars=view.bars(outcome_rows, labels[1:]),
            histograms=view.histograms(report),
            seconds_rows=seconds,
            seconds_bars=view.bars(seconds, labels),
            tokens_rows=view.step_rows(report, "tokens"),
            calls_rows=view.step_rows(report, "calls"),
            reused_rows=view.step_rows(report, "reused"),
            recipe=yaml.safe_dump(report.recipe, sort_keys=False, allow_unicode=True),
        )
    )


@cache
def environment(*packages: str) -> Environment:
    """The environment of the templates here, with those of other packages before them."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates") for package in (*packages, "spar.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        formats.percent,
        formats.percent_range,
        formats.signed,
        formats.count,
        formats.short_count,
        formats.duration,
        formats.plural,
        formats.named,
        changed_words,
        view.name_of,
        view.short_name,
        view.made_in,
    ):
        made.filters[function.__name__] = function
    return made


@cache
def style() -> Markup:
    sheet = files("spar.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    return Markup(sheet)  # our own file: the only text on the page that is not escaped

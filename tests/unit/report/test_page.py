"""The page: self-contained, escaped, honest about what changed, and complete or refused."""

import re
from html.parser import HTMLParser

import pytest

from spar.errors import AccountingError
from spar.report.headline import gains, headline, standfirst
from spar.report.model import Change, IterationReport, RunReport
from spar.report.page import render
from tests.unit.report.example import example_report, outcomes_of

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Checker(HTMLParser):
    """Collects tags and text, and sees that everything opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert not checker.open
    return checker


def bare_report(status: str = "running") -> RunReport:
    return RunReport(
        run="r1",
        recipe_name="spar",
        seed=1,
        status=status,
        planned_iterations=3,
        iterations=[IterationReport(iteration=0)],
        recipe={"name": "spar"},
    )


def test_the_page_loads_and_runs_nothing() -> None:
    page = render(example_report())
    checker = read(page)
    names = {tag for tag, _ in checker.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
    for _, attributes in checker.tags:
        assert not {"src", "href", "srcset", "action"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|url\(|@import", page)


def test_text_of_models_stays_text() -> None:
    page = render(example_report())
    assert "<script>" not in page
    assert "<b>sand</b>" not in page
    assert "<script>alert(1)</script>" in read(page).text


@pytest.mark.parametrize("field", ["run", "recipe_name", "reason"])
def test_no_field_is_trusted(field: str) -> None:
    page = render(example_report().model_copy(update={field: '"><svg onload=alert(1)>'}))
    assert "<svg onload" not in page


def test_plots_say_what_they_show() -> None:
    plots = [attributes for tag, attributes in read(render(example_report())).tags if tag == "svg"]
    assert plots
    assert all(attributes.get("role") == "img" and attributes.get("aria-label") for attributes in plots)


def test_a_run_that_has_only_begun_has_a_page() -> None:
    text = read(render(bare_report())).text
    assert "The run has done 0 of 3 iterations, 0 pairs kept." in text


def test_outcomes_that_do_not_add_up_are_refused() -> None:
    report = example_report()
    report.iterations[2].outcomes = outcomes_of(pair=299)
    with pytest.raises(AccountingError, match="Iteration 2 has 300 prompts and 299 outcomes"):
        render(report)


def test_the_headline_says_what_was_gained() -> None:
    report = example_report()
    assert headline(report) == "The actor now follows 87.7% of held-out prompts, up from 53.9%."
    assert "95% interval +31.7 to +35.9" in standfirst(report)


@pytest.mark.parametrize(
    ("low", "high", "direction", "words"),
    [(0.4, 2.0, "up", "up from"), (-2.0, -0.4, "down", "down from"), (-0.5, 1.0, "level", "not measurably")],
)
def test_no_change_is_claimed_that_the_interval_does_not_carry(
    low: float, high: float, direction: str, words: str
) -> None:
    report = example_report()
    report.changes = [
        Change(
            measure="actor.accuracy",
            before=0,
            after=3,
            points=(low + high) / 2,
            low=low,
            high=high,
            items=2000,
        )
    ]
    assert gains(report)[0].direction == direction
    assert words in headline(report)


def test_the_report_survives_json() -> None:
    report = example_report()
    assert RunReport.model_validate_json(report.model_dump_json()) == report

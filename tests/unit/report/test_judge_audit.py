"""The audit in a report: from rows to facts to the page, and the alarm on top of it."""

import random

from spar.evaluation.judge_audit import Audited
from spar.evaluation.judge_audit_measures import summarize
from spar.method.records import Prompt, Verdict
from spar.recipes.judge_audit import AuditSource
from spar.recipes.models import JudgeAuditSettings, JudgeSettings
from spar.report.judge_audit import alarms, judge_audit_facts, judge_audit_tables, type_rows
from spar.report.model import JudgeAuditFacts, RunReport
from spar.report.page import render
from tests.unit.report.example import example_report
from tests.unit.report.test_page import read


def audited(lenient: float, seed: int) -> list[Audited]:
    """100 prompts with four responses and a refinement each; the refiner accepts this share of the bad ones."""
    draw = random.Random(seed)
    items = []
    for index in range(100):
        for source in (*[AuditSource.RESPONSE] * 4, AuditSource.REFINEMENT):
            good = draw.random() < 0.6
            said = Verdict.YES if good or draw.random() < lenient else Verdict.NO
            found = (("<b>start</b>", good), ("words", True))
            outside = Verdict.YES if good else Verdict.NO
            items.append(
                Audited(
                    source=source,
                    prompt=Prompt.of(f"prompt {index}"),
                    text="text",
                    said=said,
                    found=found,
                    outside=outside,
                )
            )
    return items


def facts(lenient: float, seed: int, judge: bool = False) -> JudgeAuditFacts:
    settings = JudgeAuditSettings(judge=JudgeSettings(url="http://judge/v1", model="j") if judge else None)
    items = audited(lenient, seed)
    return judge_audit_facts(items, summarize(items), {"judge_audit": settings.model_dump(mode="json")})


def report(*lenient: float, judge: bool = False) -> RunReport:
    made = example_report()
    audits = [None, *(facts(share, seed, judge) for seed, share in enumerate(lenient))]
    entries = [e.model_copy(update={"judge_audit": a}) for e, a in zip(made.iterations, audits, strict=True)]
    return made.model_copy(update={"iterations": entries})


def test_the_page_shows_what_the_refiner_sees_beside_what_the_rules_see() -> None:
    made = report(0.02, 0.1, 0.7)
    page = read(render(made))
    assert "Does the refiner judge honestly?" in page.text
    assert "the rules see" in page.text
    assert [entry.judge_audit.alarms == [] for entry in made.iterations if entry.judge_audit] == [True, True, False]
    assert page.text.count("Alarm:") == len(alarms(made)) == 2  # responses and refinements of iteration 3
    assert "in iteration 3 the refiner accepts" in page.text
    assert "<b>start</b>" in page.text  # a constraint type is text too
    assert "Outside judge" not in page.text


def test_an_outside_judge_has_columns_of_its_own() -> None:
    made = report(0.3, 0.3, 0.3, judge=True)
    responses, _ = judge_audit_tables(made, ["Start", "Iteration 1", "Iteration 2", "Iteration 3"])
    assert responses.outside
    first = responses.rows[0]
    assert first.outside is not None
    assert first.outside.accepted == first.outside.followed == first.refiner.followed
    assert "Outside judge accepts" in read(render(made)).text


def test_types_line_up_over_the_iterations() -> None:
    rows = dict(type_rows(report(0.0, 1.0, 1.0)))
    broken = [cell.false_accept.value for cell in rows["<b>start</b>"] if cell is not None and cell.false_accept]
    assert broken == [0.0, 1.0, 1.0]
    assert all(cell is not None and cell.false_accept is None for cell in rows["words"])


def test_a_run_without_an_audit_shows_none() -> None:
    assert "honestly" not in render(example_report())

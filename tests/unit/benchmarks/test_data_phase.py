"""The data phase's benchmark: the same pairs whatever the servers, tokens that add up, and errors that are shown."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks.data_phase.drive import DataPhase, run_data_phase
from benchmarks.data_phase.fleet import Fleet
from benchmarks.data_phase.waste import Cause, wasted_tokens
from benchmarks.data_phase.workload import Workload, kind_of, spans_of, tokens_of
from spar.method.records import JudgedPrompt, JudgedResponse, Message, Prompt, Response, Verdict, Vote
from spar.method.templates import builtin_templates
from spar.method.voting import tally
from spar.testing.batching import CostModel

ROOT = Path(__file__).parents[3]


def phase(servers: int = 1, in_flight: int = 64, overrides: tuple[str, ...] = ()) -> DataPhase:
    fleet = Fleet(servers, CostModel(), 400_000, {})
    return run_data_phase(40, in_flight, Workload(), fleet, 0, list(overrides))


def test_servers_and_the_window_change_no_pair() -> None:
    first, second = phase(), phase(servers=3, in_flight=16)
    assert first.pairs > 30
    assert first.pairs_sha256 == second.pairs_sha256
    assert first.makespan_s != second.makespan_s


def test_tokens_of_judgments_are_those_that_were_decoded() -> None:
    found = phase(overrides=("search.stop_when_decided=false",))
    votes = [vote for row in found.judged for item in row.responses if item.judgment for vote in item.judgment.votes]
    tokens = found.fleet.tokens()
    assert sum(tokens_of(vote.reply) for vote in votes) == tokens["judge"].completion
    in_trees = tokens["tree: judge"].completion + tokens["tree: refine"].completion
    assert wasted_tokens(found.judged, found.trees, found.recipe, in_trees)[Cause.AFTER_WINNER] == 0


def test_a_verdict_agrees_with_the_mark_as_often_as_the_workload_says() -> None:
    workload, templates = Workload(agreement=0.8), builtin_templates("spar")
    yes = 0
    for number in range(400):
        good = number % 2
        messages = templates.judge_messages("[p 1 0.5 100]", f"[r {number} {good} 100]")
        assert kind_of(messages) == "judge"
        yes += workload.reply("judge", messages, number).endswith("Yes") == bool(good)
    assert yes / 400 == pytest.approx(0.8, abs=0.06)


def test_a_refine_prompt_begins_with_its_judge_prompt_and_the_critique() -> None:
    templates = builtin_templates("spar")
    judge = templates.judge_messages("[p 1 0.5 100]", "[r a 0 80]")
    critique = Workload().reply("judge", judge, 3)
    refine = templates.refine_messages("[p 1 0.5 100]", "[r a 0 80]", critique)
    assert kind_of(refine) == "refine"
    before = spans_of(judge)
    assert spans_of(refine)[: len(before)] == before
    assert spans_of(refine)[len(before)] == spans_of([Message("assistant", critique)])[0]


def test_responses_after_the_first_bad_one_are_counted_once() -> None:
    def item(index: int, verdict: Verdict) -> JudgedResponse:
        votes = [Vote(f"[j {index}{vote} 0 10]", verdict=verdict) for vote in range(5)]
        return JudgedResponse(Response(index, f"[r {index} 0 10]"), tally(votes, 3))

    prompt = Prompt.of("p")
    verdicts = [Verdict.YES, Verdict.NO, Verdict.NO, Verdict.YES]
    row = JudgedPrompt(prompt, tuple(item(index, verdict) for index, verdict in enumerate(verdicts)))
    order = list(verdicts)
    Random(prompt.id).shuffle(order)
    judged = order.index(Verdict.NO) + 1
    found = wasted_tokens([row], [], phase().recipe, 0)
    assert found[Cause.AFTER_NEGATIVE] == 50 * (4 - judged)
    assert found[Cause.AFTER_MAJORITY] == 20 * judged


def test_refused_requests_are_shown_instead_of_figures() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.iteration",
        "--prompts",
        "16",
        "--workload",
        "A",
        "--status-503",
        "0.1",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "requests refused with 503" in done.stdout
    assert "ratio" not in done.stdout

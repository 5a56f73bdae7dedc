"""The sample of replies in a report: some of every outcome, the unreadable and the failed too. Nothing is markup."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel, create_engine

from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.method.records import (
    Generated,
    JudgedPrompt,
    JudgedResponse,
    Prompt,
    PrunedPlace,
    Refinement,
    ReplyFailure,
    Response,
    Verdict,
    Vote,
)
from spar.method.voting import tally
from spar.report.build import build_report
from spar.report.history import PromptEntry
from spar.report.page import render
from spar.report.samples import HEAD, MOST_PROMPTS, TAIL, chosen, shortened
from spar.store.directory import DirectoryStore
from tests.unit.report.test_build import Books, tree

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        yield Books(session, DirectoryStore(tmp_path))
    engine.dispose()


def _entry(number: int, outcome: str | None) -> PromptEntry:
    return PromptEntry(iteration=1, position=number, shard=0, prompt=Prompt.of(f"prompt {number}"), outcome=outcome)


def _judged(prompt: Prompt) -> JudgedPrompt:
    votes = (
        Vote("Yes", Verdict.YES, finish_reason="stop"),
        Vote(f"hm {EVIL}", failure=ReplyFailure.UNPARSABLE, finish_reason="length", round=1),
    )
    responses = (
        JudgedResponse(Response(0, f"rain {EVIL}", finish_reason="stop"), tally(votes, 1)),
        JudgedResponse(Response(1, "rain and", ReplyFailure.CUT_OFF, "length"), None),
    )
    return JudgedPrompt(prompt, responses)


def _searched(books: Books) -> None:
    """A run whose one shard was judged and searched; its tree has a place that was pruned."""
    books.run(RunStatus.STOPPED)
    books.iteration(prompts=2, done=False)
    prompts = [Prompt.of("direct"), Prompt.of(EVIL)]
    books.shard(0, prompts)
    books.step(1, StepKind.GENERATION, "0", [Generated(prompt, ()) for prompt in prompts])
    books.step(1, StepKind.JUDGMENT, "0", [_judged(prompt) for prompt in prompts])
    cut = Refinement(reply=f"Reflection {EVIL}", failure=ReplyFailure.CUT_OFF, finish_reason="length")
    pruned = PrunedPlace((1,), ReplyFailure.CUT_OFF, (cut, cut))
    grown = replace(tree("direct", ((0,), "moss echo", 5)), failures={"cut_off": 1}, pruned=(pruned,))
    books.step(1, StepKind.REFINEMENT, "0", [grown])
    books.outcomes("pair", "unparsable")


def test_every_outcome_is_shown_before_one_is_shown_twice() -> None:
    outcomes = ["pair"] * 30 + ["tied"] * 3 + ["unparsable"]
    entries = [_entry(number, outcome) for number, outcome in enumerate(outcomes)]
    shown = chosen(entries)
    assert Counter(entry.outcome for entry in shown) == {"pair": 6, "tied": 3, "unparsable": 1}
    assert len(shown) == MOST_PROMPTS
    assert chosen(reversed(entries)) == shown


def test_a_report_holds_the_replies_of_its_sample_and_how_large_that_is(books: Books) -> None:
    _searched(books)
    [sample] = build_report(books.session, books.store, "r1").replies
    assert (sample.iteration, sample.prompts) == (1, 2)
    assert [(each.position, each.outcome) for each in sample.shown] == [(0, "pair"), (1, "unparsable")]
    first = sample.shown[0]
    assert first.judged is not None
    assert first.tree is not None
    assert first.judged.responses[0].judgment is not None
    assert [vote.failure for vote in first.judged.responses[0].judgment.votes] == [None, ReplyFailure.UNPARSABLE]
    assert [place.reason for place in first.tree.pruned] == [ReplyFailure.CUT_OFF]


def test_the_page_shows_every_reply_and_nothing_of_it_is_markup(books: Books) -> None:
    _searched(books)
    page = render(build_report(books.session, books.store, "r1"))
    assert EVIL not in page
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    for text in (f"rain {escaped}", f"hm {escaped}", f"Reflection {escaped}", "vote 2, round 2", "2 of 2 prompts"):
        assert text in page
    assert "spar explain r1 PROMPT --full" in page


def test_replies_that_the_store_has_lost_are_counted(books: Books) -> None:
    books.run(RunStatus.STOPPED)
    books.iteration(prompts=2, done=False)
    books.shard(0, [Prompt.of("direct"), Prompt.of("other")])
    books.step(1, StepKind.GENERATION, "0", [], result_key=f"results/x/{'0' * 64}")
    report = build_report(books.session, books.store, "r1")
    assert [(sample.shown, sample.lost) for sample in report.replies] == [([], 2)]
    assert "the replies to 2 more are not in the store any longer" in render(report)


def test_prompts_without_responses_are_not_shown(books: Books) -> None:
    books.run(RunStatus.STOPPED)
    books.iteration(prompts=1, done=False)
    books.shard(0, [Prompt.of("direct")])
    assert build_report(books.session, books.store, "r1").replies == []


def test_only_long_texts_are_cut_and_what_is_left_out_is_counted() -> None:
    long = "a" * HEAD + "b" * 1500 + "c" * TAIL
    cut = shortened(JudgedPrompt(Prompt(id="id", text="short"), (JudgedResponse(Response(0, long), None),)))
    text = cut.responses[0].response.text
    assert text == "a" * HEAD + " [... 1,500 characters left out ...] " + "c" * TAIL
    assert (cut.prompt.text, cut.responses[0].response.index) == ("short", 0)

"""The audit of a refiner's judging: what is audited, and rates and intervals from votes on, with planted errors."""

import random

import pytest

from spar.data.readers.verifiable_prompts import RuledPrompt
from spar.evaluation.clustered import Rate, clustered_mean, clustered_rate
from spar.evaluation.constraint_rules import ifeval_rules, story_rules
from spar.evaluation.judge_audit import Audited, audit, draw
from spar.evaluation.judge_audit_measures import by_outside, measure, measure_types, summarize
from spar.evaluation.statistics import Proportion
from spar.method.records import JudgedPrompt, JudgedResponse, Judgment, Node, Prompt, Response, Tree, Verdict
from spar.method.verdicts import parse_vote
from spar.method.voting import tally
from spar.recipes.judge_audit import AuditSource, disagreements, reason
from spar.recipes.models import JudgeAuditSettings
from spar.worlds.story.prompts import generate_prompts
from spar.worlds.story.rules import follows
from spar.worlds.story.teacher import respond, respond_breaking

PLANTED = 0.15


def judgment(says: str, votes: int = 5) -> Judgment:
    """What so many votes say together: from their replies on, as a judgment step reads them."""
    replies = [f"start knife : got knife yes ; Final Judgement : {says}"] * votes
    return tally([parse_vote(reply, "stop") for reply in replies], 3)


def row(prompt: Prompt, *texts_and_judgments: tuple[str, Judgment | None]) -> JudgedPrompt:
    judged = enumerate(texts_and_judgments)
    return JudgedPrompt(prompt, tuple(JudgedResponse(Response(i, text), found) for i, (text, found) in judged))


def bad_responses(prompts: int, each: int) -> dict[Prompt, list[str]]:
    rng = random.Random(0)
    texts = generate_prompts(prompts, 0, "selfplay")
    return {Prompt.of(text): [respond_breaking(text, rng, 1) for _ in range(each)] for text in texts}


def test_a_planted_false_accept_rate_lies_in_the_interval() -> None:
    """100 judges that accept 15% of 500 bad responses: the interval has the 15% at least 90 times."""
    responses = bad_responses(prompts=250, each=2)
    checks = draw(responses, story_rules, 1000, seed=0, iteration=1)
    covered, rates = 0, []
    for seed in range(100):
        rng = random.Random(seed)
        rows = [
            row(prompt, *((text, judgment("Yes" if rng.random() < PLANTED else "No", 3)) for text in texts))
            for prompt, texts in responses.items()
        ]
        found = measure(audit(rows, [], checks)).false_accept
        assert found is not None
        assert found.total == 500
        covered += found.low <= PLANTED <= found.high
        rates.append(found.value)
    assert covered >= 90
    assert sum(rates) / len(rates) == pytest.approx(PLANTED, abs=0.01)


def test_responses_of_a_prompt_that_stand_and_fall_together_count_as_few() -> None:
    """A judge that is wrong about whole prompts: intervals that took its responses one by one would be too narrow."""
    covered_apart = covered = 0
    for seed in range(400):
        rng = random.Random(seed)
        groups = [[rng.random() < PLANTED] * 5 for _ in range(100)]
        rate = clustered_rate(groups)
        low, high = Proportion.of([hit for group in groups for hit in group]).interval
        assert rate is not None
        covered += rate.low <= PLANTED <= rate.high
        covered_apart += low <= PLANTED <= high
    assert covered >= 0.9 * 400 > covered_apart


def test_rates_apart_are_wilsons() -> None:
    apart = clustered_rate([[True], [False], [False], [False]])
    assert apart is not None
    assert (apart.low, apart.high) == pytest.approx(Proportion(successes=1, total=4).interval)
    assert clustered_rate([[], []]) is None
    one_group = clustered_rate([[True, False, False, False]])
    assert one_group is not None
    assert one_group.high - one_group.low > apart.high - apart.low
    assert clustered_mean([[1, 0]]) is None


PROMPT = Prompt.of("start knife ; words 4")
GOOD, BAD_START, BAD_WORDS = "knife harp moss echo .", "harp knife moss echo .", "knife harp moss ."


def test_what_is_audited_and_how_it_counts() -> None:
    other = Prompt.of("What is the capital of France?")  # no rule of the world checks it
    rows = [
        row(
            PROMPT,
            (GOOD, judgment("Yes")),
            (GOOD, judgment("No")),
            (BAD_START, judgment("Yes")),
            (BAD_WORDS, judgment("No")),
            (BAD_WORDS, judgment("No", votes=2)),  # no quorum
            ("", None),  # failed as a reply
        ),
        row(other, ("Paris", judgment("Yes"))),
    ]
    root = Node(path=(), text=BAD_START, judgment=judgment("No"))
    solved = Tree(
        prompt=PROMPT,
        nodes=(root, Node(path=(0,), text=BAD_WORDS, judgment=judgment("Yes"), reply="reply")),
        best=(0,),
        solved=True,
    )
    unsolved = Tree(
        prompt=PROMPT,
        nodes=(root, Node(path=(0,), text=GOOD, judgment=judgment("No"), reply="reply")),
        best=(0,),
        solved=False,
    )
    empty = Tree(prompt=PROMPT, nodes=(root,), best=None, solved=False)
    checks = draw([PROMPT, other], story_rules, 10, seed=0, iteration=1)
    items = audit(rows, [solved, unsolved, empty], checks)
    responses = measure([item for item in items if item.source is AuditSource.RESPONSE])
    assert responses.unlabelled == 1
    assert _counts(responses.false_accept) == (1, 2)
    assert _counts(responses.false_reject) == (1, 2)
    assert _counts(responses.accepted) == _counts(responses.followed) == (2, 4)
    refinements = measure([item for item in items if item.source is AuditSource.REFINEMENT])
    assert _counts(refinements.false_accept) == _counts(refinements.false_reject) == (1, 1)
    kinds = {found.kind: (_counts(found.false_accept), _counts(found.false_reject)) for found in measure_types(items)}
    assert kinds == {"start": ((1, 1), (2, 3)), "words": ((1, 2), (2, 3)), "form": (None, (2, 3))}


def _counts(rate: Rate | None) -> tuple[int, int] | None:
    return None if rate is None else (rate.count, rate.total)


def test_the_slice_is_drawn_by_seed_and_iteration() -> None:
    prompts = [Prompt.of(text) for text in generate_prompts(60, 0, "selfplay")]
    first = draw(prompts, story_rules, 20, seed=0, iteration=1)
    assert len(first) == 20
    assert draw(reversed(prompts), story_rules, 20, seed=0, iteration=1).keys() == first.keys()
    assert draw(prompts, story_rules, 20, seed=0, iteration=2).keys() != first.keys()
    assert draw(prompts, story_rules, 20, seed=1, iteration=1).keys() != first.keys()


def test_prompts_with_instructions_are_checked_by_ifevals_checkers() -> None:
    ruled = RuledPrompt(
        "Write two words, without a comma.",
        ("punctuation:no_comma", "length_constraints:number_words"),
        ({}, {"relation": "less than", "num_words": 3}),
    )
    rules_for = ifeval_rules([ruled])
    check = rules_for(Prompt.of(ruled.prompt))
    assert check is not None
    assert rules_for(PROMPT) is None
    assert check("blue sky") == (("punctuation:no_comma", True), ("length_constraints:number_words", True))
    assert check("a blue, blue sky") == (("punctuation:no_comma", False), ("length_constraints:number_words", False))


def audited(
    prompts: int, accepted: float, followed: float, source: AuditSource = AuditSource.REFINEMENT
) -> list[Audited]:
    return [
        Audited(
            source=source,
            prompt=Prompt.of(f"prompt {index}"),
            text="text",
            said=Verdict.YES if index < accepted * prompts else Verdict.NO,
            found=(("start", index < followed * prompts),),
            outside=Verdict.YES if index < followed * prompts else Verdict.NO,
        )
        for index in range(prompts)
    ]


@pytest.mark.parametrize(
    ("prompts", "accepted", "followed", "alarm", "parts"),
    [
        (100, 0.9, 0.7, 0.1, True),
        (100, 0.7, 0.9, 0.1, True),  # too harsh is apart too
        (100, 0.9, 0.85, 0.1, False),
        (100, 0.9, 0.7, 0.25, False),
        (19, 0.9, 0.3, 0.1, False),  # too few to say
        (30, 0.8, 0.7, 0.0, False),  # 3 of 30: the interval has 0
    ],
)
def test_an_alarm_needs_a_gap_that_is_wide_and_sure(
    prompts: int, accepted: float, followed: float, alarm: float, parts: bool
) -> None:
    found = disagreements(summarize(audited(prompts, accepted, followed)), JudgeAuditSettings(alarm=alarm))
    assert [parting.source for parting in found] == (["refinement"] if parts else [])


def test_a_stop_says_what_parted_and_what_to_do() -> None:
    told = reason(2, disagreements(summarize(audited(100, 0.9, 0.7)), JudgeAuditSettings()))
    assert "iteration 2 the refiner accepts 90.0% of refinements and the rules 70.0%: 20.0 points above" in told
    assert "judge_audit.stop=false" in told


def test_an_outside_judge_is_measured_over_the_same_items() -> None:
    items = audited(50, 0.8, 0.6)
    outside = measure(items, by_outside)
    assert outside.gap is not None
    assert outside.gap.value == 0
    assert measure(items).accepted != outside.accepted


def test_an_honest_judge_over_sampled_responses_raises_no_alarm() -> None:
    rng = random.Random(1)
    rows = []
    for text in generate_prompts(100, 0, "selfplay"):
        texts = [respond(text, rng, error_rate=0.2) for _ in range(5)]
        rows.append(row(Prompt.of(text), *((t, judgment("Yes" if follows(text, t) else "No")) for t in texts)))
    checks = draw((r.prompt for r in rows), story_rules, 200, seed=0, iteration=1)
    summary = summarize(audit(rows, [], checks))
    responses = summary[AuditSource.RESPONSE]
    assert (responses.gap, responses.items) == (0, 500)
    assert disagreements(summary, JudgeAuditSettings(alarm=0.0)) == ()

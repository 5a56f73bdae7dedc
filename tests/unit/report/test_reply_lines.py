"""What `spar explain` shows of replies: all of them, the unreadable and the failed ones too."""

from spar.method.records import (
    JudgedPrompt,
    JudgedResponse,
    JudgmentFailure,
    Node,
    Prompt,
    PrunedPlace,
    Refinement,
    ReplyFailure,
    Response,
    Tree,
    Verdict,
    Vote,
)
from spar.method.voting import tally
from spar.report.reply_lines import ReplyLines

PROMPT = Prompt.of("Write about rain.")
VOTES = (
    Vote("hm", failure=ReplyFailure.UNPARSABLE, finish_reason="stop"),
    Vote("It does. Yes", Verdict.YES, finish_reason="stop"),
    Vote("It does n", failure=ReplyFailure.CUT_OFF, finish_reason="length", round=1),
    Vote("It does not. No", Verdict.NO, finish_reason="stop", round=1),
)


def test_every_vote_is_shown_with_its_text_its_round_and_why_it_is_none() -> None:
    responses = (
        JudgedResponse(Response(0, "rain", finish_reason="stop"), tally(VOTES, 1)),
        JudgedResponse(Response(1, "rain and", ReplyFailure.CUT_OFF, "length"), None),
    )
    assert list(ReplyLines().judged(JudgedPrompt(PROMPT, responses))) == [
        "  response 0 (stop): 'rain'",
        "    no label: tied, value 0.50 (1 yes, 1 no, 2 unreadable, in 2 rounds)",
        "      vote 1, round 1: unparsable (stop): 'hm'",
        "      vote 2, round 1: yes (stop): 'It does. Yes'",
        "      vote 3, round 2: cut_off (length): 'It does n'",
        "      vote 4, round 2: no (stop): 'It does not. No'",
        "  response 1, cut_off (length): 'rain and'",
        "    not judged: it is no data",
    ]


def test_the_critique_is_the_first_vote_that_agrees_with_the_label() -> None:
    votes = (Vote("A. No", Verdict.NO), Vote("B. Yes", Verdict.YES), Vote("B. Yes", Verdict.YES))
    shown = list(ReplyLines().judgment(tally(votes, 3), 0))
    assert shown == [
        "judged yes, value 0.67 (2 yes, 1 no, 0 unreadable)",
        "  vote 1: no: 'A. No'",
        "  vote 2: yes, the critique: 'B. Yes'",
        "  vote 3: yes: 'B. Yes'",
    ]


def test_a_tree_shows_what_its_pruned_places_drew() -> None:
    bad, good = tally((Vote("No", Verdict.NO),), 1), tally((Vote("Yes", Verdict.YES),), 1)
    cut = Refinement(reply="Reflection [[start]] ra", failure=ReplyFailure.CUT_OFF, finish_reason="length")
    unread = tally((Vote("hm", failure=ReplyFailure.UNPARSABLE),), 1)
    kept = Refinement(reply="[[start]] storm [[end]]", text="storm", finish_reason="stop")
    tree = Tree(
        prompt=PROMPT,
        nodes=(
            Node(path=(), text="rain", judgment=bad),
            Node(
                path=(1,),
                text="drizzle",
                judgment=good,
                reply="[[start]] drizzle [[end]]",
                finish_reason="stop",
                failed=(cut,),
            ),
        ),
        best=(1,),
        solved=True,
        refine_replies=5,
        votes=2,
        failures={"cut_off": 1, "no_quorum": 1},
        pruned=(
            PrunedPlace((0,), ReplyFailure.CUT_OFF, (cut, cut)),
            PrunedPlace((2,), JudgmentFailure.NO_QUORUM, (kept,), unread),
        ),
    )
    assert list(ReplyLines().tree(tree)) == [
        "  search: solved, 1 nodes, 5 replies, 2 votes, best V 1.00 at 1, 1 pruned as cut_off, 1 pruned as no_quorum",
        "  negative: 'rain'",
        "  refinement 0, try 1: cut_off (length): 'Reflection [[start]] ra'",
        "  refinement 0, try 2: cut_off (length): 'Reflection [[start]] ra'",
        "  refinement 0: pruned as cut_off after 2 replies",
        "  refinement 1, try 1: cut_off (length): 'Reflection [[start]] ra'",
        "  refinement 1, the best (stop): 'drizzle'",
        "    judged yes, value 1.00 (1 yes, 0 no, 0 unreadable)",
        "      vote 1: yes, the critique: 'Yes'",
        "  refinement 2 (stop): 'storm'",
        "    no label: no_quorum (0 yes, 0 no, 1 unreadable)",
        "      vote 1: unparsable: 'hm'",
        "  refinement 2: pruned as no_quorum after 1 replies",
    ]


def test_a_tree_whose_version_kept_only_counts_says_so() -> None:
    tree = Tree(
        prompt=PROMPT,
        nodes=(Node(path=(), text="rain", judgment=tally((), 1)),),
        best=None,
        solved=False,
        failures={"cut_off": 3},
    )
    assert list(ReplyLines().tree(tree))[-1] == (
        "  3 pruned places more: the version that searched kept their number, not their replies"
    )


def test_full_texts_are_whole_blocks() -> None:
    long = "word " * 200 + "\nFinal Judgement: No"
    [name, block] = list(ReplyLines(full=True).response(Response(0, long)))
    assert name == "  response 0:"
    assert block.split("\n") == ["      " + line for line in long.split("\n")]

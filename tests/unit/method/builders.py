"""Short ways to write the method's records, and the hypothesis strategies that draw any of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from spar.method.policies import SearchPolicy
from spar.method.records import (
    JudgedPrompt,
    JudgedResponse,
    Judgment,
    Node,
    Path,
    Prompt,
    Refinement,
    ReplyFailure,
    Response,
    Verdict,
    Vote,
)
from spar.method.voting import tally

PROMPT = Prompt.of("write something")

YES, NO = Vote("it follows", Verdict.YES), Vote("it does not follow", Verdict.NO)
FAILED = Vote("", failure=ReplyFailure.EMPTY)


def judgment(votes: str, quorum: int = 3) -> Judgment:
    """`yyn-` is two Yes, one No and a failed vote, each Yes and No with a reply of its own."""
    parsed = {
        "y": lambda i: Vote(f"yes {i}", Verdict.YES),
        "n": lambda i: Vote(f"no {i}", Verdict.NO),
        "-": lambda i: Vote(f"failed {i}", failure=ReplyFailure.UNPARSABLE),
    }
    return tally([parsed[letter](i) for i, letter in enumerate(votes)], quorum)


def root(text: str = "negative", votes: str = "nnnnn") -> Node:
    return Node(path=(), text=text, judgment=judgment(votes))


def judged_prompt(*votes: str | None, text: str = "write something") -> JudgedPrompt:
    """A prompt whose i-th response got these votes; None is a response that failed."""
    responses = tuple(
        JudgedResponse(
            Response(i, f"response {i}", None if given is not None else ReplyFailure.CUT_OFF),
            None if given is None else judgment(given),
        )
        for i, given in enumerate(votes)
    )
    return JudgedPrompt(Prompt.of(text), responses)


@dataclass
class Models:
    """A refiner that does what a table says of each path, and whose replies come in any order.

    `votes` maps a path to its votes (else `default`), `texts` to its text (else one of its own); `failing` to how many
    refine attempts fail there first.
    """

    votes: dict[Path, str] = field(default_factory=dict)
    default: str = "nnnnn"
    failing: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    pause: Callable[[], Awaitable[None]] | None = None
    refined: list[tuple[Path, int, int]] = field(default_factory=list)
    judged: list[Path] = field(default_factory=list)
    _waiting: dict[Path, list[int]] = field(default_factory=dict)

    async def refine(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        self.refined.append((parent.path, n, attempt))
        if self.pause:
            await self.pause()
        places = list(range(n)) if attempt == 0 else self._waiting[parent.path]
        assert len(places) == n
        self._waiting[parent.path] = [i for i in places if self.failing.get((*parent.path, i), 0) > attempt]
        return [self._reply((*parent.path, i), i in self._waiting[parent.path]) for i in places]

    async def judge(self, text: str, path: Path) -> Judgment:
        self.judged.append(path)
        if self.pause:
            await self.pause()
        return judgment(self.votes.get(path, self.default))

    def _reply(self, path: Path, fails: bool) -> Refinement:
        if fails:
            return Refinement(reply="cut", failure=ReplyFailure.CUT_OFF)
        return Refinement(reply=f"reply {path}", text=self.texts.get(path, f"text {path}"))


def random_models(seed: int, votes: Sequence[str], fail_share: float = 0.2) -> Models:
    """Models that draw votes and failures for each path from a seed, the same whatever is asked first."""
    paths = _paths(branch=4, depth=4)
    random = Random(seed)
    return Models(
        votes={path: random.choice(votes) for path in paths},
        failing={path: random.choice([1, 2, 99]) for path in paths if random.random() < fail_share},
    )


def _paths(branch: int, depth: int) -> list[Path]:
    level: list[Path] = [()]
    paths: list[Path] = []
    for _ in range(depth):
        level = [(*path, i) for path in level for i in range(branch)]
        paths += level
    return paths


any_votes = st.text(alphabet="yn-", max_size=7)
any_policy = st.builds(
    SearchPolicy,
    name=st.just("any"),
    branch=st.integers(1, 4),
    keep=st.integers(1, 3),
    depth=st.integers(1, 3),
    order=st.sampled_from(["breadth", "depth"]),
    gate=st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    retries=st.integers(0, 3),
    stop_when_decided=st.booleans(),
)
any_models = st.builds(
    random_models,
    st.integers(0, 10**6),
    st.sampled_from([["nnnnn", "ynnnn", "yynnn"], ["nnnnn", "yynn-", "yyyyn", "yyyyy", "n----"], ["yyyyy"], ["-----"]]),
)
any_judged = st.builds(
    lambda votes, number: judged_prompt(*votes, text=f"prompt {number}"),
    st.lists(st.none() | any_votes, max_size=5),
    st.integers(0, 50),
)

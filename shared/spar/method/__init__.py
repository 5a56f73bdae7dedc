"""The method of the paper (arXiv 2412.11605): pure functions over records. Standard library only, no I/O.

`from spar.method import search` is the tree search over any `refine` and `judge` callables.
"""

from spar.method.growth import JudgeNode, RefineNode
from spar.method.policies import POLICIES, SearchPolicy, best_of_n, bfs, dfs, greedy, iterative, make_policy
from spar.method.refinements import parse_refinement
from spar.method.tree_search import search
from spar.method.verdicts import parse_vote
from spar.method.voting import VoteRules, judge_until_quorum, tally

__all__ = [
    "POLICIES",
    "JudgeNode",
    "RefineNode",
    "SearchPolicy",
    "VoteRules",
    "best_of_n",
    "bfs",
    "dfs",
    "greedy",
    "iterative",
    "judge_until_quorum",
    "make_policy",
    "parse_refinement",
    "parse_vote",
    "search",
    "tally",
]

"""Comparing judgments with each other, so that a judge can learn from its own better ones (Meta-Rewarding)."""

from spar.method.meta_judging.judge_pairs import JudgePairs, make_judge_pairs
from spar.method.meta_judging.matches import ComparedPrompt, Match, Winner, most_contested, parse_winner

__all__ = ["ComparedPrompt", "JudgePairs", "Match", "Winner", "make_judge_pairs", "most_contested", "parse_winner"]

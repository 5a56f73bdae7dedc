"""`rubric`: an additive score from 0 to 5, the mean of several replies (Self-Rewarding, arXiv 2401.10020)."""

from spar.method.judging.scale import Scale, scale_policy

SCORE = Scale(word="score", least=0, most=5)
RUBRIC = scale_policy("rubric", "score", SCORE, good=4)

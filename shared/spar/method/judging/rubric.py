"""`rubric`: an additive score from 0 to 5, the mean of several replies (Self-Rewarding, arXiv 2401.10020)."""

from spar.method.judging.scale import Scale, scale_policy

SCORE = Scale("score", 0, 5)
RUBRIC = scale_policy("rubric", "score", SCORE, good=4)

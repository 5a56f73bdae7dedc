"""`rating`: a response's quality as a training example, from 1 to 5 (Humpback, arXiv 2308.06259, keeps the fives)."""

from spar.method.judging.scale import Scale, scale_policy

RATING = scale_policy("rating", "rate", Scale(word="rating", least=1, most=5), good=5)

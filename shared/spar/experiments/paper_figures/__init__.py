"""The paper's Figures 1 and 3: IFEval's average over iterations, as far as its tables print it, beside those of runs.

Figures 4 and 5 are pages of `spar synthetic` and `spar decode`; the paper prints no number of their curves.
"""

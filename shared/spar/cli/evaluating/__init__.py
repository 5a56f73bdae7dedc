"""What `spar eval NAME --model M` does, step by step: read the options, open the models, ask, score, keep, print."""

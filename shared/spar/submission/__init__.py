"""Turns a resolved recipe into the inputs of a run: prompts, data and models, checked and stored."""

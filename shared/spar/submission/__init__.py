"""Turns a resolved recipe into what a run reads: prompts, inputs and models, checked and stored."""

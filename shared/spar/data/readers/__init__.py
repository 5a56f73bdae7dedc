"""Readers of the files that users bring: prompts, conversations, preferences, checkers, benchmark data."""

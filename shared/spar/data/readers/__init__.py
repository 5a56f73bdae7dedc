"""Readers of users' files: prompts, conversations, prompts with rules, benchmark data."""

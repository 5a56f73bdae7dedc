"""Evaluation: measures models and pairs against rules the loop itself never sees."""

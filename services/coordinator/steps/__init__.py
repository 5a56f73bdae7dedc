"""Builds the message that a worker receives for a step of a run: what determines the result, and nothing else.

Each module builds the messages of one kind of step, from an iteration's plan (`iteration_plan`) and what `RunContext`
finds in the database. Decides nothing about order.
"""

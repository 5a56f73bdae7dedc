"""Turns "this step of this run" into the message a worker gets: what determines the result, and nothing else.

Each module makes the messages of one kind of step, from an iteration's plan (`iteration_plan`) and what `RunContext`
finds in the books. Decides nothing about order.
"""

"""The method's default numbers, each stated once: the paper's setting where it has one (docs/method.md).

Recipes, commands and services take their defaults from here.
"""

RESPONSES = 5
"""Responses of the actor to a prompt (the paper's K)."""
RESPONSE_TEMPERATURE, RESPONSE_TOP_P = 0.9, 0.9

VOTES, QUORUM = 5, 3
"""Votes on a text, and how many of them must be readable."""
RETRIES = 3
"""How often missing votes, or a failed refinement, are drawn again."""
TEMPERATURE = 0.7
"""The sampling temperature of the refiner: votes, refinements, comparisons."""

BRANCH, KEEP, DEPTH = 3, 2, 3
"""Refinements of a node, nodes that are expanded further, levels below the response."""
GATE = 0.5
"""A node whose V is above it solves the tree."""
FULL_TREE = BRANCH + (DEPTH - 1) * KEEP * BRANCH
"""Nodes of an unsolved breadth-first tree, the root not counted."""

REPLY_TOKENS = 2048
"""The longest response or vote."""
REFINEMENT_TOKENS = REPLY_TOKENS + REPLY_TOKENS // 2
"""The longest reply with a refinement, which states its changes before the text: half as many tokens again."""

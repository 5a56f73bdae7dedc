"""Results that the object store has lost: recomputed by the steps that produced them (docs/decisions/0010).

`verdict` decides, without a database; `rows` finds the producing steps and marks them for recomputing; `handling` is
what a turn calls. Nothing here sends anything.
"""

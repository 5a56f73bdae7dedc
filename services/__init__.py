"""The processes of the system, one folder each: `worker.py` starts it, `tasks.py` says what it accepts.

Services are independent of each other: they meet only in `spar.messages`.
"""

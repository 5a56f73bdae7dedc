"""Keeping runs: archives of one run, and the invariants that a run's books and objects hold.

    rows       a run's rows of the database as plain records, and back
    named      which objects and models those rows name
    manifest   what an archive says of itself
    pack       writes an archive         unpack    reads one, verified
    restore    puts an archive into a database and a store

Knows databases and stores, and nothing of homes or commands.
"""

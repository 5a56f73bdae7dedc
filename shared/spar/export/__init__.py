"""Data out: a run's training data in the forms that other trainers read.

    layouts    one row of data in each form        formats    the table of forms: rows, files beside them
    writing    the files, whole or not at all      card       what a folder of data says of itself

Knows the method's records, and nothing of where they come from.
"""

"""Exports a run's training data in other trainers' formats, and its models.

    layouts    one row of data in each format      formats       the table of formats: rows, accompanying files
    writing    the files, all or none              card          the card of exported data
    models     a model's folder                    model_card    its card, and known licences

Knows the method's records, and nothing of where they come from.
"""

"""Prompts in: from files of many kinds to one clean JSONL of prompts that a recipe reads.

    sources          which reader a source needs, what identifies it
    text_files, json_arrays, csv_files, tables      the readers, row by row
    layouts          where in a row the prompt is
    filters, decontamination, duplicates     what is left out
    scan, spool      the first pass, and its candidates on disk
    repeats, importing       the second pass, and both together
    manifest         settings, sources, counts that add up

Reads files and writes files. It knows nothing of runs, engines, stores or queues.
"""

"""Imports prompts: from files of many formats to one clean JSONL file that a recipe reads.

    sources          which reader a source needs, what identifies it; reads CSV
    text_files, json_arrays, tables      the other readers, row by row
    layouts          where in a row the prompt is
    filters, decontamination, duplicates     what is dropped
    scan, spool      the first pass, and its candidates on disk
    repeats, importing       the second pass, and the whole import
    manifest         settings, sources, counts that add up

Reads files and writes files. It knows nothing of runs, engines, stores or queues.
"""

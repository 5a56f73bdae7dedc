"""Searches the rows of a file, many trees at once (`spar refine`)."""

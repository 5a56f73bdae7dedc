"""What `spar refine` is made of: rows in, searches of many trees at once, rows out, and the way back after a stop."""

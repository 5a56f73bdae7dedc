"""The method as a paper would tell it (arXiv 2412.11605): pure functions over records. Standard library only, no I/O."""

"""SPaR: self-play with tree-search refinement (arXiv 2412.11605) as a system of services.

The method is `spar.method`; what a run is, `spar.recipes`; the outside world, `spar.engines`, `spar.store`, `spar.db`.
Nothing is imported here: `import spar` must stay instant.
"""

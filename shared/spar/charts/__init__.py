"""Plots as SVG for pages: geometry, axes and lines, drawn once. Knows nothing of what is measured."""

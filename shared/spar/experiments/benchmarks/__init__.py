"""One evaluation of a model on a benchmark, outside a run: what is requested, kept and scored."""

"""One evaluation of a model on a benchmark, outside a run: its requests, stored replies and scores."""

"""The report of a run: its facts as JSON (`model`), built from tables and results (`build`), shown as a page
(`page`) and as a table (`table`). It reads; it changes nothing."""

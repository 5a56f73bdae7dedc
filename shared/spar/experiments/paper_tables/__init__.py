"""The paper's tables and figures with the scores of runs beside them."""

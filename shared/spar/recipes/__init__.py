"""Recipes: what a run is, as pydantic models (`models`), read from YAML (`load`); the built-in ones lie in `builtin/`."""

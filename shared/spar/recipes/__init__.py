"""Recipes: what a run is, pydantic models (`models`) read from YAML (`load`); `builtin/` holds our own."""

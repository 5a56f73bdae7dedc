"""Recipes: the definition of a run as pydantic models (`models`), read from YAML (`load`); `builtin/` has ours."""

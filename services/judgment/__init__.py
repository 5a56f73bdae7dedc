"""Judgment: the refiner votes on the actor's responses."""

"""The roles of models: actor, refiner, meta-judge, teacher of checkers and instructions."""

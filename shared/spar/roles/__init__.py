"""The parts that models play: actor, refiner, meta-judge, writer of checkers."""

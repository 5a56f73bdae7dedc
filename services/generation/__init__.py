"""Generation: the actor answers prompts, K times each."""

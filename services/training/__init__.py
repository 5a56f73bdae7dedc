"""Training: builds an iteration's training sets (`selection`), and trains the models on them (`training`)."""

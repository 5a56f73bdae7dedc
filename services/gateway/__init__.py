"""An OpenAI-compatible endpoint that responds with an actor alone, or with tree search at inference."""

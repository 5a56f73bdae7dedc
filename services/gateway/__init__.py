"""An OpenAI-compatible endpoint that answers with an actor alone, or with tree search at inference."""

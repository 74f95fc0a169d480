"""Closed forms for memorization and generalization in diffusion models, each derived in verified steps."""

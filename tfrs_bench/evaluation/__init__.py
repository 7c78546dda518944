"""Evaluation: the same for every model."""

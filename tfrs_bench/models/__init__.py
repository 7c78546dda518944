"""Models: they learn from a log and score items; nothing else."""

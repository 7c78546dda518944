"""Candidate generation: the best items of a query, found among the embeddings of a factorized model."""

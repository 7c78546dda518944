"""A finished model at work: lists for one person, shown and explained, and models to serve elsewhere."""

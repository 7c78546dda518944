"""Tuning: settings chosen on validation, never on the test part."""

"""Reporting: records, tables, TensorBoard and what the terminal shows."""

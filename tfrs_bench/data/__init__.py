"""Data: logs, how they are read, split and fed to models."""

"""Does a deep recommender beat a well-tuned classical one on this interaction log?"""

__version__ = "0.1.0"

"""Speed benchmarks, each of ours beside the usual way in one run: see benchmarks/README.md."""

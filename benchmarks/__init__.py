"""How fast, how many: `python -m benchmarks`. Every figure is shown beside the limit reached on the same machine in the same run."""

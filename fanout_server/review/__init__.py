"""What is worth a look in a merged result: deterministic checks of what units added or removed, and of nothing else."""

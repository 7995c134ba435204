"""Measurements, one file for each question; ``python -m benchmarks.train_step`` and the like."""

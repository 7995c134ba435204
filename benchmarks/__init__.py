"""Benchmarks, one file per question: ``python -m benchmarks.train_step`` and so on."""

"""Stress tests of any size: trainings that are killed, and files that are mutated.

python -m tests.stress --kills 300 --fuzz 500000
"""

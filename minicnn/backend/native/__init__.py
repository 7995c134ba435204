"""The CPU at full speed: the CUDA sources, compiled for its vector registers, on all cores."""

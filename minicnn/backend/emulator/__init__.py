"""A GPU in miniature: the CUDA sources run thread by thread on a CPU, every index checked."""

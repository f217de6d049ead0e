"""The race: this package, its NumPy reference, and PyTorch. ``python -m tests.bench --help``."""

"""Side-by-side measurements of the functions: `python -m benchmarks`. Never deployed."""

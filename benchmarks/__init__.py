"""The benchmarks behind every figure the documents state. `./clinic bench` runs them."""

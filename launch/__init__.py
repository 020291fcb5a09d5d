"""What `./clinic` does on the operator's machine: environments, models, processes.

Rule: standard library only, and nothing here imports the rest of the product: it must run where
nothing is installed yet, on any Python from 3.9.
"""

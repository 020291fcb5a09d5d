"""From a question to passages of the clinic's own articles. Knows nothing of Flask, Rasa or SQL."""

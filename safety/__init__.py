"""What is checked in every message before anything else: danger, and identifiers.

Rule: this package imports nothing of ours, needs no database, index or model, and its two
questions (`screen`, `mask`) never raise. A clinician reads `phrases/`, `guards/`, `cards/`,
`kinds.toml` and `hazard_log.md`; the Python beside them only applies what stands there.
"""

"""The generator: spec/api/*.yaml in, every generated file of the repository out.

Three storeys that do not mix: the model (what the API is), a target's `resolve.py` (the facts of
one language) and its templates (loops only). See README.md.
"""

"""The main job: a small on-call assistant that runs on scopeflow.

A coordinator asks three sub-agents at once; they work with SQL and text search. The model is a
rule-based stand-in behind a real HTTP server that speaks OpenAI's protocol.
"""

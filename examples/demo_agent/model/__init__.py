"""A stand-in for a language model: rules that decide from the messages, behind real HTTP."""

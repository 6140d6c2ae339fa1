"""The contract told a second time: a small model of the runtime, written from its rules alone.

It is the oracle of the vectors. It shares no line and no shape with the core: the core decides step
by step and calls nobody; the model simply calls. A function cites the rule that it tells, `S1.4`.
Where a rule leaves something open, `decisions.md` says what was chosen.

| module | tells |
| --- | --- |
| `errors` | what a host raises, what the runtime raises (S7) |
| `arguments` | what an operation refuses before it does anything (S1.1, S1.2, S7) |
| `payload` | how a value becomes JSON text (S2.6, S2.7) |
| `requests` | requests of LLMs, credentials in them, private copies (S3.6, S3.10) |
| `events` | the lines of ATOF, metadata and status (S2.1 to S2.5) |
| `scopes` | scopes and contexts (S1) |
| `middleware` | registries and chains (S3.1 to S3.3) |
| `emission` | injectors and event sanitizers (S3.12) |
| `delivery` | subscribers and who waits for whom (S5) |
| `runtime` | ids, clock, starts, ends and marks (S1, S2.3, S6) |
| `operations` | the operations on scopes (S1) |
| `admission` | gates, guards, request intercepts, and the helpers that stand alone (S3.5, S4.5) |
| `calls` | managed calls from start to end (S4) |
| `sanitizing`, `codecs` | what observers see of a call, and annotations (S3.6, S2.8, S4.11) |
| `execution` | execution intercepts and their `next` (S3.7) |
| `streams`, `manual` | streams, and calls that the application runs (S4.7, S4.8) |
| `fixtures`, `scripts`, `vectors` | the vector files: a case is performed, and compared |
| `random_cases` | cases made at random, with what the model expects of them |

A registry that is added to the spec is added to `middleware.REGISTRIES`, and its step to
`admission` or `calls` (`emission`, for what is done to every event) at the place that S4.1 or S3.12
gives it.
"""

"""The rules: what to say or do next in a conversation.

Each `_..._step` reads what the tools have said so far. Nothing is known in advance about what
stands in the database or in the documents.
"""

from __future__ import annotations

from collections.abc import Mapping

from .conversation import Conversation, Reply, Result, Wish

_COLUMNS = """\
SELECT m.name AS "table", p.name AS "column"
FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p
WHERE m.type = 'table' ORDER BY m.name, p.cid"""

_WORST_SERVICES = """\
SELECT service, COUNT(*) AS incidents, SUM(minutes) AS minutes FROM {table}
GROUP BY service ORDER BY minutes DESC, service LIMIT 2"""

_LAST_DEPLOY = """\
WITH worst AS (
  SELECT service, MIN(started_at) AS first_incident FROM incidents
  GROUP BY service ORDER BY SUM(minutes) DESC, service LIMIT 1)
SELECT worst.service, deploys.version, deploys.author,
  CAST(ROUND((julianday(first_incident) - julianday(deployed_at)) * 1440) AS INTEGER) AS minutes
FROM worst LEFT JOIN deploys ON deploys.service = worst.service AND deployed_at <= first_incident
ORDER BY deployed_at DESC LIMIT 1"""

_WORST_TOPIC = """\
SELECT topic, SUM(minutes) AS minutes FROM incidents
GROUP BY topic ORDER BY minutes DESC, topic LIMIT 1"""

_DELEGATION = (
    ("incidents", ("trouble", "incident", "worst"), "Which service had the most trouble?"),
    ("deploys", ("why", "cause", "deploy"), "Which deploy caused that trouble? Record it."),
    ("documents", ("document", "advise", "advice"), "What do our documents say about its topic?"),
)
"""Sub-agent, words in the user's question that call for it, the task that it gets."""


def decide(conversation: Conversation) -> Reply:
    """Return the model's next message."""
    if "delegate" in conversation.tools:
        return _coordinate(conversation)
    task = conversation.task.lower()
    if "documents" in task and {"sql", "search"} <= conversation.tools.keys():
        return _documents_step(conversation)
    if "deploy" in task and "sql" in conversation.tools:
        return _deploys_step(conversation)
    if "service" in task and "sql" in conversation.tools:
        return _incidents_step(conversation)
    return Reply("I do not know how to do that with the tools that I have.")


def _coordinate(conversation: Conversation) -> Reply:
    if conversation.results:
        return Reply(" ".join(_told(result) for result in conversation.results))
    question = conversation.task.lower()
    staff = conversation.tools["delegate"].get("agent", {}).get("enum", ())
    wishes = [
        Wish("delegate", {"agent": agent, "task": task})
        for agent, words, task in _DELEGATION
        if agent in staff and any(word in question for word in words)
    ]
    if not wishes:
        return Reply("I can say which service is in trouble, why, and what our documents advise.")
    return Reply(wishes=wishes)


def _told(result: Result) -> str:
    if result.failure:
        return f"The {result.arguments.get('agent')} agent failed: {result.failure}."
    return str(result.content.get("answer") or "")


def _incidents_step(conversation: Conversation) -> Reply:
    results = conversation.results
    if not results:
        return _sql(_COLUMNS)
    if results[-1].failure:
        return Reply(f"I could not look up the incidents: {results[-1].failure}.")
    if len(results) == 1:
        table = _table_with(results[0], "service", "minutes")
        if not table:
            return Reply("The database knows nothing about minutes of trouble.")
        return _sql(_WORST_SERVICES.format(table=table))
    if not results[-1].rows:
        return Reply("There were no incidents at all.")
    (service, count, minutes), *others = results[-1].rows
    answer = f"{service} had the most trouble: {_incidents(count)}, {minutes} minutes"
    if others:
        answer += f" (next is {others[0][0]} with {others[0][2]} minutes)"
    return Reply(answer + ".")


def _deploys_step(conversation: Conversation) -> Reply:
    results = conversation.results
    if not results:
        return _sql(_LAST_DEPLOY)
    if results[0].failure:
        return Reply(f"I could not look up the deploys: {results[0].failure}.")
    if not results[0].rows:
        return Reply("Without incidents no deploy is to blame.")
    service, version, author, minutes = results[0].rows[0]
    if version is None:
        return Reply(f"Nothing was deployed to {service} before its first incident.")
    if len(results) == 1:
        return _sql(
            f"UPDATE incidents SET summary = 'caused by {version}' WHERE service = '{service}'"
        )
    answer = (
        f"The likely cause is version {version}, deployed by {author} {minutes} minutes before the "
        f"first incident, so roll {service} back."
    )
    if results[1].failure:
        verb = "was refused" if results[1].was_refused else "failed"
        answer += f" Recording that {verb}: {results[1].failure}."
    return Reply(answer)


def _documents_step(conversation: Conversation) -> Reply:
    results = conversation.results
    if not results:
        return _sql(_WORST_TOPIC)
    if results[-1].failure:
        return Reply(f"I could not search the documents: {results[-1].failure}.")
    if not results[0].rows:
        return Reply("Without incidents there is no topic to look for.")
    topic = results[0].rows[0][0]
    if len(results) == 1:
        return Reply(wishes=[Wish("search", {"query": topic})])
    hits = results[1].content.get("hits") or []
    if not hits:
        return Reply(f"Most trouble is about the {topic}, of which our documents say nothing.")
    return Reply(f"Most trouble is about the {topic}; {_quote(hits[0])}")


def _quote(hit: Mapping[str, object]) -> str:
    return f"{hit['path']}, line {hit['line']}, says: {hit['text']}"


def _sql(statement: str) -> Reply:
    return Reply(wishes=[Wish("sql", {"statement": statement})])


def _table_with(result: Result, *columns: str) -> str:
    tables: dict[str, set[str]] = {}
    for table, column in result.rows:
        tables.setdefault(table, set()).add(column)
    return next((table for table, known in tables.items() if known.issuperset(columns)), "")


def _incidents(count: int) -> str:
    return "1 incident" if count == 1 else f"{count} incidents"

"""Event files: the sink writes one, the reader gives its events."""

from __future__ import annotations

SECOND_NS = 1_000_000_000


def test_what_a_sink_writes_a_reader_gives(host, tmp_path):
    lib, path = host.lib, str(tmp_path / "new" / "run.jsonl")
    sink = host.make("atof_sink_open", path=path)
    host.call("atof_sink_register", sink, host.runtime, *host.texts("file"))
    agent = host.push("agent", input={"goal": "tea"})
    host.pop(agent)
    lib.scopeflow_scope_release(agent)
    host.call("atof_sink_flush", sink, 10 * SECOND_NS)
    stats = host.read("atof_sink_read_stats", "scopeflow_sink_stats", sink)
    assert (stats.written_event_count, stats.lost_event_count) == (2, 0)
    assert host.read("deregister_subscriber", "uint32_t", host.runtime, *host.texts("file")) == 1
    lib.scopeflow_atof_sink_free(sink)

    with open(path, "rb") as file:
        items = list(read(host, file.read() + b"no event\n"))
    assert [item for item, _ in items] == [
        lib.SCOPEFLOW_ATOF_ITEM_KIND_EVENT,
        lib.SCOPEFLOW_ATOF_ITEM_KIND_EVENT,
        lib.SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE,
    ]
    assert [text for _, text in items][:2] == ["agent", "agent"]


def read(host, content: bytes):
    """In chunks of a few bytes, as they might come from anywhere."""
    lib = host.lib
    reader = host.make("atof_reader_new", runtime=host.runtime)
    for at in range(0, len(content), 100):
        host.call("atof_reader_feed", reader, *host.texts(content[at : at + 100]))
        yield from items(host, reader, lib.SCOPEFLOW_ATOF_ITEM_KIND_MORE)
    host.call("atof_reader_finish", reader)
    yield from items(host, reader, lib.SCOPEFLOW_ATOF_ITEM_KIND_END)
    lib.scopeflow_atof_reader_free(reader)


def items(host, reader, last: int):
    while True:
        item = host.read("atof_reader_next", "scopeflow_atof_item", reader)
        if item.item == last:
            return
        yield item.item, host.text_of(item.name)

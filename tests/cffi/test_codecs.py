"""Providers' requests, responses and streams by the published header, and server-sent events."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any

import pytest
from host import Failed, Host

REQUEST = {
    "model": "small-1",
    "messages": [{"role": "user", "content": "tea?"}],
    "seed": 7,
}
RESPONSE = {
    "id": "r1",
    "object": "chat.completion",
    "model": "small-1",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@contextmanager
def lent(host: Host, *values: Any):
    """References that live as long as the block; the core only borrows them."""
    refs = [host.give(value) for value in values]
    yield refs
    for ref in refs:
        host.release(ref)


def output(host: Host, function: str, *arguments: Any) -> Any:
    """What a codec made, read as text; its tokens are there as well."""
    out = host.ffi.new("scopeflow_codec_output **")
    host.call(function, *arguments, out)
    try:
        assert host.lib.scopeflow_codec_output_tokens(out[0]).len > 0
        text = host.read("codec_output_json", "scopeflow_bytes", out[0])
        return json.loads(host.text_of(text))
    finally:
        host.lib.scopeflow_codec_output_free(out[0])


def test_a_request_is_told_decoded_and_edited(host):
    auto, chat = host.lib.SCOPEFLOW_CODEC_ID_AUTO, host.lib.SCOPEFLOW_CODEC_ID_OPENAI_CHAT
    [hint] = host.texts("openai")
    with lent(host, REQUEST, {"x": 1}) as (request, strange):
        detect = ("codec_detect_request", "scopeflow_codec_id", host.runtime)
        assert host.read(*detect, request, hint) == chat
        assert host.read(*detect, strange, host.texts("mine")[0]) == auto
        seen = output(host, "codec_decode_request", host.runtime, auto, request)
        assert (seen["model"], seen["messages"]) == ("small-1", REQUEST["messages"])
        seen["messages"][0]["content"] = "coffee?"
        with lent(host, seen) as (annotated,):
            edits = output(host, "codec_edit_request", host.runtime, chat, annotated, request)
        changed = {**REQUEST, "seed": 8}
        with lent(host, seen, changed) as (annotated, now):
            given = (host.runtime, chat, annotated, request, now)
            assert output(host, "codec_edit_changed_request", *given) == edits
        with lent(host, seen, {**REQUEST, "messages": []}) as (annotated, now):
            with pytest.raises(Failed, match=r"both edited at messages\[0\].content"):
                given = (host.runtime, chat, annotated, request, now)
                output(host, "codec_edit_changed_request", *given)
    assert edits == [[["messages", 0, "content"], "set", "coffee?"]]


def test_a_response_is_told_and_decoded(host):
    auto, chat = host.lib.SCOPEFLOW_CODEC_ID_AUTO, host.lib.SCOPEFLOW_CODEC_ID_OPENAI_CHAT
    with lent(host, RESPONSE) as (response,):
        assert (
            host.read("codec_detect_response", "scopeflow_codec_id", host.runtime, response) == chat
        )
        seen = output(host, "codec_decode_response", host.runtime, auto, response)
    assert (seen["message"], seen["usage"]["total_tokens"]) == ("Yes.", 5)


def test_a_response_has_the_cost_that_prices_come_to(host):
    auto = host.lib.SCOPEFLOW_CODEC_ID_AUTO
    rates = {"input_per_million": 2, "output_per_million": 4}
    catalogue = {"entries": [{"provider": "p", "model_id": "small-1", "rates": rates}]}
    with lent(host, RESPONSE, catalogue, {"entries": 1}) as (response, prices, wrong):
        host.call("codec_set_prices", host.runtime, prices)
        seen = output(host, "codec_decode_response", host.runtime, auto, response)
        assert seen["usage"]["cost"]["total"] == 0.000014
        with pytest.raises(Failed) as failed:
            host.call("codec_set_prices", host.runtime, wrong)
        assert failed.value.status == "invalid_argument"
        host.call("codec_set_prices", host.runtime, 0)
        seen = output(host, "codec_decode_response", host.runtime, auto, response)
    assert "cost" not in seen["usage"]


def test_an_unknown_codec_is_refused(host):
    with lent(host, REQUEST) as (request,), pytest.raises(Failed) as failed:
        output(host, "codec_decode_request", host.runtime, 77, request)
    assert failed.value.status == "invalid_argument"


def test_a_stream_becomes_its_response(host):
    stream = host.make("codec_stream_new", runtime=host.runtime)
    try:
        for word in ("Y", "es."):
            choice = {"index": 0, "delta": {"content": word}}
            chunk = {"object": "chat.completion.chunk", "model": "small-1", "choices": [choice]}
            with lent(host, chunk) as (ref,):
                host.call("codec_stream_feed", stream, ref)
        whole = output(host, "codec_stream_finish", stream)
        assert whole["choices"][0]["message"]["content"] == "Yes."
        with lent(host, {}) as (late,), pytest.raises(Failed) as failed:
            host.call("codec_stream_feed", stream, late)
        assert failed.value.status == "invalid_state"
    finally:
        host.lib.scopeflow_codec_stream_free(stream)


def test_server_sent_events_cut_anywhere(host):
    lib = host.lib
    decoder = host.make("sse_decoder_new", runtime=host.runtime)
    heard = []
    try:
        for piece in (b"\xef\xbb\xbfid: 4\nda", b"ta: t\xc3", b"\xa9\r", b"\n\r\n: idle\n"):
            host.call("sse_decoder_feed", decoder, *host.texts(piece))
            while True:
                item = host.read("sse_decoder_next", "scopeflow_sse_item", decoder)
                if item.item != lib.SCOPEFLOW_SSE_ITEM_KIND_EVENT:
                    break
                heard.append(tuple(map(host.text_of, (item.event, item.data, item.last_id))))
            assert item.item == lib.SCOPEFLOW_SSE_ITEM_KIND_MORE
        host.call("sse_decoder_finish", decoder)
        item = host.read("sse_decoder_next", "scopeflow_sse_item", decoder)
        assert item.item == lib.SCOPEFLOW_SSE_ITEM_KIND_END
        assert heard == [("message", "té", "4")]
        with pytest.raises(Failed) as failed:
            host.call("sse_decoder_feed", decoder, *host.texts(b"x"))
        assert failed.value.status == "invalid_state"
    finally:
        lib.scopeflow_sse_decoder_free(decoder)

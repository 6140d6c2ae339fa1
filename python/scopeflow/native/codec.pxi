# The core's codecs, as the classes of codecs.py use them: plain values in, plain values out.

cdef extern from "native/objects.h":
    object glue_object_of_tokens(scopeflow_bytes tokens)


cdef object take_output(scopeflow_codec_output *output):
    """The value of an output, which it gives back."""
    try:
        return glue_object_of_tokens(scopeflow_codec_output_tokens(output))
    finally:
        scopeflow_codec_output_free(output)


cdef scopeflow_runtime *codec_runtime() noexcept:
    """Codecs register nothing and emit nothing: any runtime lends them its memory and its walker."""
    return (<Runtime>default_runtime).pointer


def decode_request(uint32_t codec, content):
    """The annotated form of a request's content, a dict. Raises InvalidArgument."""
    cdef scopeflow_error error
    cdef scopeflow_codec_output *output = NULL
    if scopeflow_codec_decode_request(
        codec_runtime(), <scopeflow_codec_id>codec, <scopeflow_ref><PyObject *>content, &output,
        &error,
    ) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    return take_output(output)


def request_edits(uint32_t codec, annotated, content):
    """The edits that bring the annotated form into the content. Raises InvalidArgument."""
    cdef scopeflow_error error
    cdef scopeflow_codec_output *output = NULL
    if scopeflow_codec_edit_request(
        codec_runtime(), <scopeflow_codec_id>codec, <scopeflow_ref><PyObject *>annotated,
        <scopeflow_ref><PyObject *>content, &output, &error,
    ) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    return take_output(output)


def changed_request_edits(uint32_t codec, annotated, decoded, content):
    """The edits for a content that was edited itself since it was decoded. Raises InvalidArgument."""
    cdef scopeflow_error error
    cdef scopeflow_codec_output *output = NULL
    if scopeflow_codec_edit_changed_request(
        codec_runtime(), <scopeflow_codec_id>codec, <scopeflow_ref><PyObject *>annotated,
        <scopeflow_ref><PyObject *>decoded, <scopeflow_ref><PyObject *>content, &output, &error,
    ) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    return take_output(output)


def decode_response(uint32_t codec, response):
    """The annotated form of a response, a dict. Raises InvalidArgument."""
    cdef scopeflow_error error
    cdef scopeflow_codec_output *output = NULL
    if scopeflow_codec_decode_response(
        codec_runtime(), <scopeflow_codec_id>codec, <scopeflow_ref><PyObject *>response, &output,
        &error,
    ) != SCOPEFLOW_STATUS_OK:
        raise_failure(&error)
    return take_output(output)


def output_value(CodecOutput output not None):
    """The value of what a codec has made, as plain objects."""
    return glue_object_of_tokens(scopeflow_codec_output_tokens(output.pointer))

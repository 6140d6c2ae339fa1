package scopeflow

import (
	"context"
	"fmt"
	"strings"
)

// The codecs that the core has (ADR 0023): what turns a provider's requests and responses into an
// annotated form, which does not depend on the provider, and edits of that form back. As the codec of a
// call, [WithCodec] and [WithResponseCodec], the core asks them by itself, once somebody looks.

var (
	_ RequestCodec  = AutoCodec
	_ ResponseCodec = AutoCodec
)

// CodecByName returns the codec of a name: `auto`, `openai_chat`, `openai_responses`,
// `anthropic_messages` or `gemini_generate_content`. Any other is an [ErrInvalidArgument].
func CodecByName(name string) (ProviderCodec, error) {
	var names []string
	for codec := AutoCodec; codec <= GeminiGenerateContentCodec; codec++ {
		if codec.String() == name {
			return codec, nil
		}
		names = append(names, codec.String())
	}
	return AutoCodec, invalidArgument(
		fmt.Sprintf("codec is %q, not one of %s", name, strings.Join(names, ", ")))
}

// DetectRequest tells whose a request is by its content, [AutoCodec] where no codec knows it. The hint,
// which may be empty, is the name of the call or of the provider.
func DetectRequest(ctx context.Context, content any, hint string) (ProviderCodec, error) {
	return detected(ctx, content, func(r *Runtime, lent ref) (ProviderCodec, error) {
		return coreCodecDetectRequest(r.handle, lent, &hint)
	})
}

// DetectResponse tells whose a response is, [AutoCodec] where no codec knows it.
func DetectResponse(ctx context.Context, response any) (ProviderCodec, error) {
	return detected(ctx, response, func(r *Runtime, lent ref) (ProviderCodec, error) {
		return coreCodecDetectResponse(r.handle, lent)
	})
}

func detected(
	ctx context.Context, payload any, detect func(r *Runtime, lent ref) (ProviderCodec, error),
) (ProviderCodec, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return AutoCodec, err
	}
	lent := r.slots.put(0, payload)
	defer r.slots.take(lent)
	return detect(r, lent)
}

// AnnotateRequest returns the annotated form of a request; members that the common form does not know
// ride along in it. Of [AutoCodec] it is nil for a request that no codec knows.
//
// A content that is no object is an [ErrInvalidArgument].
func (p ProviderCodec) AnnotateRequest(
	ctx context.Context, request *LLMRequest,
) (*AnnotatedLLMRequest, error) {
	if request == nil {
		return nil, errNilRequest
	}
	codec := p
	if p == AutoCodec {
		var err error
		if codec, err = DetectRequest(ctx, request.Content, ""); err != nil || codec == AutoCodec {
			return nil, err
		}
	}
	annotated := new(AnnotatedLLMRequest)
	if err := codec.annotate(ctx, request.Content, coreCodecDecodeRequest, annotated); err != nil {
		return nil, err
	}
	return annotated, nil
}

// AnnotateResponse returns the annotated form of a response: what the provider gave, or its SDK made of
// it, or a [CodecStream] put together. The prices of the context's runtime tell what it has cost
// ([Runtime.UsePrices]). Of [AutoCodec] it is nil for a response that no codec knows.
//
// What has nothing of such a response is an [ErrInvalidArgument].
func (p ProviderCodec) AnnotateResponse(ctx context.Context, response any) (*AnnotatedLLMResponse, error) {
	codec := p
	if p == AutoCodec {
		var err error
		if codec, err = DetectResponse(ctx, response); err != nil || codec == AutoCodec {
			return nil, err
		}
	}
	annotated := new(AnnotatedLLMResponse)
	if err := codec.annotate(ctx, response, coreCodecDecodeResponse, annotated); err != nil {
		return nil, err
	}
	return annotated, nil
}

func (p ProviderCodec) annotate(
	ctx context.Context, payload any,
	decode func(runtimeHandle, ProviderCodec, ref) (codecOutputHandle, error), into form,
) error {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return err
	}
	lent := r.slots.put(0, payload)
	defer r.slots.take(lent)
	tokens, err := takeOutput(decode(r.handle, p, lent))
	if err == nil {
		into.fill(tokens.value())
	}
	return err
}

// Decode is [ProviderCodec.AnnotateRequest] for calls: an [*AnnotatedLLMRequest], or nil.
func (p ProviderCodec) Decode(ctx context.Context, request *LLMRequest) (any, error) {
	annotated, err := p.AnnotateRequest(ctx, request)
	if annotated == nil || err != nil {
		return nil, err
	}
	return annotated, nil
}

// Encode returns the request with the edits of its annotated form, an [*AnnotatedLLMRequest] or anything
// else that is written as such an object: the given request itself where nothing was edited, else a new
// one, in which whatever was not edited is the very value that it was. In a content, or a part of one,
// that is a [json.RawMessage] all but the edits keeps its bytes; of a struct that an edit is in its JSON
// is made.
//
// An edit that the provider cannot carry is an [ErrInvalidArgument] that names its path.
func (p ProviderCodec) Encode(
	ctx context.Context, annotated any, request *LLMRequest,
) (*LLMRequest, error) {
	if request == nil {
		return nil, errNilRequest
	}
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	edits, err := p.edits(r, annotated, request.Content)
	if err != nil {
		// A text may have a key twice, of which Go's values have the last one.
		if once, hadTwice := withKeysOnce(request.Content); hadTwice {
			edits, err = p.edits(r, annotated, once)
		}
	}
	if err != nil {
		return nil, err
	}
	return withEdits(request, edits)
}

// encodeChanged is Encode for a request that was edited itself since decoded was decoded (S4.11).
func (p ProviderCodec) encodeChanged(
	r *Runtime, annotated any, request, decoded *LLMRequest,
) (*LLMRequest, error) {
	edits, err := p.changedEdits(r, annotated, decoded.Content, request.Content)
	if err != nil {
		was, hadTwice := withKeysOnce(decoded.Content)
		is, hasTwice := withKeysOnce(request.Content)
		if hadTwice || hasTwice {
			edits, err = p.changedEdits(r, annotated, was, is)
		}
	}
	if err != nil {
		return nil, err
	}
	return withEdits(request, edits)
}

func (p ProviderCodec) changedEdits(r *Runtime, annotated, decoded, content any) ([]codecEdit, error) {
	form, was, is := r.slots.put(0, annotated), r.slots.put(0, decoded), r.slots.put(0, content)
	defer r.slots.take(form)
	defer r.slots.take(was)
	defer r.slots.take(is)
	tokens, err := takeOutput(coreCodecEditChangedRequest(r.handle, p, form, was, is))
	if err != nil {
		return nil, err
	}
	return readEdits(tokens), nil
}

func withEdits(request *LLMRequest, edits []codecEdit) (*LLMRequest, error) {
	if len(edits) == 0 {
		return request, nil
	}
	made, err := edited(request.Content, edits)
	if err != nil {
		return nil, err
	}
	return &LLMRequest{Headers: request.Headers, Content: made}, nil
}

// edits are what brings a changed form into a content.
func (p ProviderCodec) edits(r *Runtime, annotated, content any) ([]codecEdit, error) {
	form, original := r.slots.put(0, annotated), r.slots.put(0, content)
	defer r.slots.take(form)
	defer r.slots.take(original)
	tokens, err := takeOutput(coreCodecEditRequest(r.handle, p, form, original))
	if err != nil {
		return nil, err
	}
	return readEdits(tokens), nil
}

// DecodeResponse is [ProviderCodec.AnnotateResponse] for calls: an [*AnnotatedLLMResponse], or nil.
func (p ProviderCodec) DecodeResponse(ctx context.Context, response any) (any, error) {
	annotated, err := p.AnnotateResponse(ctx, response)
	if annotated == nil || err != nil {
		return nil, err
	}
	return annotated, nil
}

// takeOutput gives what a codec has made, and the output back.
func takeOutput(output codecOutputHandle, err error) (tokenValue, error) {
	if err != nil {
		return nil, err
	}
	defer coreCodecOutputFree(output)
	return coreCodecOutputTokens(output), nil
}

// coreCodecNumber is what the core is told of a codec: its number and 1 if the core can do by itself what
// it does.
func coreCodecNumber(codec any) uint32 {
	if own, ok := codec.(ProviderCodec); ok {
		return uint32(own) + 1
	}
	return 0
}

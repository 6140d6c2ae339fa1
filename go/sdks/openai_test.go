package sdks

//lint:file-ignore SA1019 what is deprecated is still said, and codecs have to know it

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

func openaiClient(client *http.Client, url string) openai.Client {
	return openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0),
		option.WithHTTPClient(client))
}

// --- Chat Completions ---

var openaiChat = sdk{
	codec: scopeflow.OpenAIChatCodec,
	create: func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, string, error) {
		c := openaiClient(client, url)
		got, err := c.Chat.Completions.New(ctx, param.Override[openai.ChatCompletionNewParams](request))
		if err != nil {
			return said{}, "", err
		}
		return ofCompletion(got), got.RawJSON(), nil
	},
	stream: func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, error) {
		c := openaiClient(client, url)
		stream := c.Chat.Completions.NewStreaming(ctx, param.Override[openai.ChatCompletionNewParams](request))
		var answer openai.ChatCompletionAccumulator
		var old openai.ChatCompletionMessageFunctionCall // Which the accumulator passes over.
		for stream.Next() {
			chunk := stream.Current()
			answer.AddChunk(chunk)
			for _, choice := range chunk.Choices {
				old.Name += choice.Delta.FunctionCall.Name
				old.Arguments += choice.Delta.FunctionCall.Arguments
			}
		}
		if err := stream.Err(); err != nil {
			return said{}, err
		}
		answer.Choices[0].Message.FunctionCall = old
		return ofCompletion(&answer.ChatCompletion), nil
	},
}

var openaiReasons = map[string]any{
	"stop": "complete", "length": "length", "tool_calls": "tool_use", "function_call": "tool_use",
	"content_filter": "content_filter",
}

func ofCompletion(c *openai.ChatCompletion) said {
	choice := &c.Choices[0]
	made := said{ID: c.ID, Model: c.Model, FinishReason: openaiReasons[choice.FinishReason]}
	var parts []scopeflow.ContentPart
	if text := choice.Message.Content; text != "" || choice.Message.JSON.Content.Valid() {
		parts = append(parts, scopeflow.ContentPart{Type: "text", Text: text})
	}
	if text := choice.Message.Refusal; text != "" {
		parts = append(parts, scopeflow.ContentPart{Type: "refusal", Refusal: text})
	}
	made.Message = saidIn(parts)
	for _, call := range choice.Message.ToolCalls {
		made.ToolCalls = append(made.ToolCalls, ofCall(call))
	}
	if old := choice.Message.FunctionCall; old.Name != "" {
		call := scopeflow.ResponseToolCall{Name: old.Name, Arguments: parsed(old.Arguments)}
		made.ToolCalls = append(made.ToolCalls, call)
	}
	if usage := &c.Usage; usage.TotalTokens > 0 {
		asked, answered := usage.PromptTokensDetails, usage.CompletionTokensDetails
		made.Usage = &scopeflow.Usage{
			PromptTokens: &usage.PromptTokens, CompletionTokens: &usage.CompletionTokens,
			TotalTokens: &usage.TotalTokens, CacheReadTokens: &asked.CachedTokens,
		}
		made.TokenUsage = &scopeflow.TokenUsage{
			InputUncached:   count(usage.PromptTokens - asked.CachedTokens - asked.AudioTokens),
			InputAudio:      &asked.AudioTokens,
			InputCacheRead:  &asked.CachedTokens,
			OutputText:      count(usage.CompletionTokens - answered.ReasoningTokens - answered.AudioTokens),
			OutputReasoning: &answered.ReasoningTokens,
			OutputAudio:     &answered.AudioTokens,
		}
	}
	return made
}

func ofCall(call openai.ChatCompletionMessageToolCallUnion) scopeflow.ResponseToolCall {
	if call.Type == "custom" {
		return scopeflow.ResponseToolCall{ID: call.ID, Name: call.Custom.Name, Arguments: call.Custom.Input}
	}
	return scopeflow.ResponseToolCall{
		ID: call.ID, Name: call.Function.Name, Arguments: parsed(call.Function.Arguments),
	}
}

// --- Responses ---

var openaiResponses = sdk{
	codec: scopeflow.OpenAIResponsesCodec,
	create: func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, string, error) {
		c := openaiClient(client, url)
		got, err := c.Responses.New(ctx, param.Override[responses.ResponseNewParams](request))
		if err != nil {
			return said{}, "", err
		}
		return ofResponse(got), got.RawJSON(), nil
	},
	stream: func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, error) {
		c := openaiClient(client, url)
		stream := c.Responses.NewStreaming(ctx, param.Override[responses.ResponseNewParams](request))
		var last responses.Response
		for stream.Next() {
			if event := stream.Current(); event.JSON.Response.Valid() {
				last = event.Response
			}
		}
		return ofResponse(&last), stream.Err()
	},
}

func ofResponse(r *responses.Response) said {
	made := said{ID: r.ID, Model: r.Model}
	var parts []scopeflow.ContentPart
	for _, item := range r.Output {
		switch item.Type {
		case "message":
			for _, part := range item.Content {
				if part.Type == "refusal" {
					parts = append(parts, scopeflow.ContentPart{Type: "refusal", Refusal: part.Refusal})
				} else {
					parts = append(parts, scopeflow.ContentPart{Type: "text", Text: part.Text})
				}
			}
		case "function_call":
			call := item.AsFunctionCall()
			made.ToolCalls = append(made.ToolCalls, scopeflow.ResponseToolCall{
				ID: call.CallID, Name: call.Name, Arguments: parsed(call.Arguments),
			})
		case "custom_tool_call":
			call := item.AsCustomToolCall()
			made.ToolCalls = append(made.ToolCalls, scopeflow.ResponseToolCall{
				ID: call.CallID, Name: call.Name, Arguments: call.Input,
			})
		}
	}
	made.Message = saidIn(parts)
	made.FinishReason = responseReason(r, len(made.ToolCalls) > 0)
	if usage := &r.Usage; r.JSON.Usage.Valid() {
		cached, reasoning := usage.InputTokensDetails.CachedTokens, usage.OutputTokensDetails.ReasoningTokens
		made.Usage = &scopeflow.Usage{
			PromptTokens: &usage.InputTokens, CompletionTokens: &usage.OutputTokens,
			TotalTokens: &usage.TotalTokens, CacheReadTokens: &cached,
		}
		made.TokenUsage = &scopeflow.TokenUsage{
			InputUncached: count(usage.InputTokens - cached), InputCacheRead: &cached,
			OutputText: count(usage.OutputTokens - reasoning), OutputReasoning: &reasoning,
		}
	}
	return made
}

func responseReason(r *responses.Response, hasCalls bool) any {
	switch {
	case r.Status == "completed" && hasCalls:
		return "tool_use"
	case r.Status == "completed":
		return "complete"
	case r.Status != "incomplete":
		return map[string]any{"unknown": string(r.Status)}
	case r.IncompleteDetails.Reason == "max_output_tokens":
		return "length"
	}
	return r.IncompleteDetails.Reason
}

package sdks

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

func anthropicClient(client *http.Client, url string) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(url), option.WithAPIKey(key), option.WithMaxRetries(0),
		option.WithHTTPClient(client))
}

var anthropicMessages = sdk{
	codec: scopeflow.AnthropicMessagesCodec,
	create: func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, string, error) {
		c := anthropicClient(client, url)
		got, err := c.Messages.New(ctx, param.Override[anthropic.MessageNewParams](request))
		if err != nil {
			return said{}, "", err
		}
		return ofMessage(got), got.RawJSON(), nil
	},
	stream: func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, error) {
		c := anthropicClient(client, url)
		stream := c.Messages.NewStreaming(ctx, param.Override[anthropic.MessageNewParams](request))
		var message anthropic.Message
		for stream.Next() {
			if err := message.Accumulate(stream.Current()); err != nil {
				return said{}, err
			}
		}
		return ofMessage(&message), stream.Err()
	},
}

var anthropicReasons = map[anthropic.StopReason]any{
	"end_turn": "complete", "stop_sequence": "complete", "max_tokens": "length",
	"model_context_window_exceeded": "length", "tool_use": "tool_use", "refusal": "content_filter",
}

func ofMessage(m *anthropic.Message) said {
	made := said{ID: m.ID, Model: string(m.Model), FinishReason: anthropicReasons[m.StopReason]}
	if made.FinishReason == nil {
		made.FinishReason = map[string]any{"unknown": string(m.StopReason)}
	}
	var parts []scopeflow.ContentPart
	for _, block := range m.Content {
		switch block.Type {
		case "text":
			parts = append(parts, scopeflow.ContentPart{Type: "text", Text: block.Text})
		case "tool_use":
			made.ToolCalls = append(made.ToolCalls, scopeflow.ResponseToolCall{
				ID: block.ID, Name: block.Name, Arguments: block.Input,
			})
		}
	}
	made.Message = saidIn(parts)
	usage := &m.Usage
	read, written := usage.CacheReadInputTokens, usage.CacheCreationInputTokens
	prompt, thought := usage.InputTokens+read+written, usage.OutputTokensDetails.ThinkingTokens
	made.Usage = &scopeflow.Usage{
		PromptTokens: &prompt, CompletionTokens: &usage.OutputTokens,
		TotalTokens: count(prompt + usage.OutputTokens), CacheReadTokens: &read, CacheWriteTokens: &written,
	}
	made.TokenUsage = &scopeflow.TokenUsage{
		InputUncached: &usage.InputTokens, InputCacheRead: &read,
		InputCacheWrite5m: &usage.CacheCreation.Ephemeral5mInputTokens,
		InputCacheWrite1h: &usage.CacheCreation.Ephemeral1hInputTokens,
		OutputText:        count(usage.OutputTokens - thought), OutputReasoning: &thought,
	}
	return made
}

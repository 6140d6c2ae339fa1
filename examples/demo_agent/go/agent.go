package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

const (
	modelName = "rule-planner-1"
	turnLimit = 8
)

// tool is a function that a model may ask for.
type tool struct {
	name, description string
	parameters        map[string]any // JSON Schema of the arguments.
	run               func(ctx context.Context, arguments map[string]any) (any, error)
}

func (t *tool) declaration() openai.ChatCompletionToolUnionParam {
	required := []string{}
	for name := range t.parameters {
		required = append(required, name)
	}
	return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: t.name, Description: openai.String(t.description),
		Parameters: map[string]any{
			"type": "object", "properties": t.parameters, "required": required, "additionalProperties": false,
		},
	})
}

// agent asks the model, runs the tools that it asks for, and asks again.
type agent struct {
	name, instructions string
	tools              []tool
	client             *openai.Client
	say                func(text string) // Gets the answer while the model still writes it; nil for silence.
}

// run works on a task until the model answers.
func (a *agent) run(ctx context.Context, task string) (string, error) {
	ctx, scope, err := scopeflow.PushScope(ctx, a.name, scopeflow.ScopeTypeAgent,
		scopeflow.WithInput(map[string]any{"task": task}))
	if err != nil {
		return "", err
	}
	answer, err := a.converse(ctx, task)
	if err != nil {
		return "", errors.Join(err, scope.End(scopeflow.WithError(err)))
	}
	return answer, scope.End(scopeflow.WithOutput(map[string]any{"answer": answer}),
		scopeflow.WithStatus(scopeflow.EndStatusOK))
}

func (a *agent) converse(ctx context.Context, task string) (string, error) {
	asked := openai.ChatCompletionNewParams{
		Model: modelName,
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.SystemMessage(a.instructions), openai.UserMessage(task),
		},
	}
	for i := range a.tools {
		asked.Tools = append(asked.Tools, a.tools[i].declaration())
	}
	for range turnLimit {
		message, err := a.ask(ctx, asked)
		if err != nil {
			return "", err
		}
		if len(message.ToolCalls) == 0 {
			return message.Content, nil
		}
		asked.Messages = append(asked.Messages, message.ToParam())
		asked.Messages = append(asked.Messages, a.callAll(ctx, message.ToolCalls)...)
	}
	return "", fmt.Errorf("%s has no answer after %d turns", a.name, turnLimit)
}

// ask gets the model's next message; with say its text is said as it comes.
func (a *agent) ask(
	ctx context.Context, asked openai.ChatCompletionNewParams,
) (*openai.ChatCompletionMessage, error) {
	if a.say == nil {
		completion, err := a.client.Chat.Completions.New(ctx, asked)
		if err != nil {
			return nil, err
		}
		return &completion.Choices[0].Message, nil
	}
	asked.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := a.client.Chat.Completions.NewStreaming(ctx, asked)
	defer func() { _ = stream.Close() }()
	var answer openai.ChatCompletionAccumulator
	for stream.Next() {
		chunk := stream.Current()
		answer.AddChunk(chunk)
		for _, choice := range chunk.Choices {
			a.say(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return &answer.Choices[0].Message, nil
}

// callAll runs all the tools that the model wants now, at once.
func (a *agent) callAll(
	ctx context.Context, calls []openai.ChatCompletionMessageToolCallUnion,
) []openai.ChatCompletionMessageParamUnion {
	answers := make([]openai.ChatCompletionMessageParamUnion, len(calls))
	var wait sync.WaitGroup
	for i, call := range calls {
		wait.Add(1)
		go func() {
			defer wait.Done()
			answers[i] = openai.ToolMessage(a.call(ctx, call), call.ID)
		}()
	}
	wait.Wait()
	return answers
}

// call runs a tool. Whatever goes wrong is told to the model, which decides how to go on.
func (a *agent) call(ctx context.Context, call openai.ChatCompletionMessageToolCallUnion) string {
	content, err := a.execute(ctx, call)
	var refused *scopeflow.GuardrailRejectedError
	switch {
	case errors.As(err, &refused):
		content = map[string]any{"refused": refused.Reason}
	case err != nil:
		kind := reflect.TypeOf(err)
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		content = map[string]any{"error": fmt.Sprintf("%s: %v", kind.Name(), err)}
	}
	text, err := json.Marshal(content)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (a *agent) execute(ctx context.Context, call openai.ChatCompletionMessageToolCallUnion) (any, error) {
	for _, tool := range a.tools {
		if tool.name != call.Function.Name {
			continue
		}
		var arguments map[string]any
		if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil {
			return nil, err
		}
		return scopeflow.ExecuteTool(ctx, tool.name, arguments, tool.run, scopeflow.WithToolCallID(call.ID))
	}
	return nil, fmt.Errorf("there is no tool %q", call.Function.Name)
}

const coordination = "You answer questions about our services. Delegate, then sum up what you are told."

var roles = []struct{ name, instructions string }{
	{"incidents", "You know which service is in trouble. Look it up in the incident database."},
	{"deploys", "You find the deploy that caused incidents, and record it in the database."},
	{"documents", "You find what our documents say about the topic of incidents."},
}

// coordinator answers aloud. Its three sub-agents work with the tools, silently.
func coordinator(client *openai.Client, tools []tool, say func(string)) *agent {
	agents, names := map[string]*agent{}, []string{}
	for _, role := range roles {
		agents[role.name] = &agent{role.name, role.instructions, tools, client, nil}
		names = append(names, role.name)
	}
	delegate := func(ctx context.Context, arguments map[string]any) (any, error) {
		name, _ := arguments["agent"].(string)
		task, _ := arguments["task"].(string)
		if agents[name] == nil {
			return nil, fmt.Errorf("there is no agent %q", name)
		}
		answer, err := agents[name].run(ctx, task)
		return map[string]any{"agent": name, "answer": answer}, err
	}
	parameters := map[string]any{
		"agent": map[string]any{"type": "string", "enum": names, "description": "Who is to do it."},
		"task":  map[string]any{"type": "string", "description": "What is to be done."},
	}
	own := []tool{{"delegate", "Gives a task to a sub-agent.", parameters, delegate}}
	return &agent{"coordinator", coordination, own, client, say}
}

// Command go is the demo agent in Go: three agents answer a question from a database and from documents,
// with the model that demo_agent/model serves on loopback. It does what the Python one does.
//
//	go run . -model http://127.0.0.1:8000/v1 -database incidents.db -documents .. -events run.jsonl
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	scopeflow "github.com/scopeflow/scopeflow/go"
	managed "github.com/scopeflow/scopeflow/go/openai"
)

const question = "ada@example.com was charged twice, on card 4111 1111 1111 1111. " +
	"Which service had the most trouble, why, and what do our documents advise?"

type settings struct {
	model, key, database, documents, prices, events, question string
}

func main() {
	var s settings
	flag.StringVar(&s.model, "model", "", "address of the model's server, such as http://127.0.0.1:8000/v1")
	flag.StringVar(&s.key, "key", "sk-demo-0d5e4b7a", "goes to the model's server with each request")
	flag.StringVar(&s.database, "database", "incidents.db", "the SQLite database of the incidents")
	flag.StringVar(&s.documents, "documents", ".", "folder whose documents are searched")
	flag.StringVar(&s.prices, "prices", "", "JSON file of what models cost; none if empty")
	flag.StringVar(&s.events, "events", "run.jsonl", "ATOF file that is written; an older one is replaced")
	flag.StringVar(&s.question, "question", question, "what the agents are asked")
	flag.Parse()
	log.SetFlags(0)
	answer, err := s.run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}

// run has the agents answer, with all of the middleware in force.
func (s *settings) run(ctx context.Context) (answer string, err error) {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		return "", err
	}
	exporter, err := scopeflow.NewAtofExporter(scopeflow.AtofExporterConfig{
		OutputDirectory: filepath.Dir(s.events), Filename: filepath.Base(s.events),
		Mode: scopeflow.FileModeOverwrite, Runtime: runtime,
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, runtime.Close(), exporter.Close()) }()
	shown := progress{out: os.Stderr}
	err = errors.Join(exporter.Register("event file"), install(runtime), s.usePrices(runtime),
		runtime.RegisterSubscriber("progress", shown.show))
	if err != nil {
		return "", err
	}
	// The key goes with each request, and the runtime sees to new attempts.
	client := openai.NewClient(
		option.WithBaseURL(s.model), option.WithAPIKey(s.key), option.WithMaxRetries(0),
		option.WithMiddleware(managed.Middleware(
			managed.WithName("chat.completions"), managed.WithCodec(scopeflow.OpenAIChatCodec))))
	kit := []tool{sqlTool(s.database), searchTool(s.documents)}
	return coordinator(&client, kit, shown.say).run(scopeflow.WithRuntime(ctx, runtime), s.question)
}

func (s *settings) usePrices(r *scopeflow.Runtime) error {
	if s.prices == "" {
		return nil
	}
	catalogue, err := os.ReadFile(s.prices)
	if err != nil {
		return err
	}
	return r.UsePrices(json.RawMessage(catalogue))
}

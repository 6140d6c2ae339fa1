package scopeflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// span is a row of the exporter's table.
type span struct {
	category, name, status string
	started, ended         time.Time
}

// tableExporter keeps each scope and call as a row; a real one writes to a database.
type tableExporter struct {
	mu   sync.Mutex // Every goroutine that emits an event calls.
	rows map[scopeflow.UUID]*span
	ids  []scopeflow.UUID
}

func (e *tableExporter) export(_ context.Context, event *scopeflow.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event.ScopeCategory() {
	case scopeflow.ScopeCategoryStart:
		e.rows[event.UUID()] = &span{category: event.Category(), name: event.Name(), started: event.Timestamp()}
		e.ids = append(e.ids, event.UUID())
	case scopeflow.ScopeCategoryEnd:
		var metadata struct {
			Status string `json:"otel.status_code"`
		}
		if err := json.Unmarshal(event.Metadata(), &metadata); err != nil {
			log.Print(err)
		}
		row := e.rows[event.UUID()]
		row.ended, row.status = event.Timestamp(), metadata.Status
	}
}

func measure(_ context.Context, room string) (float64, error) {
	if room == "cellar" {
		return 0, errors.New("no thermometer in the cellar")
	}
	return 21.5, nil
}

func heat(ctx context.Context) error {
	ctx, heating, err := scopeflow.PushScope(ctx, "heating", scopeflow.ScopeTypeAgent)
	if err != nil {
		return err
	}
	for _, room := range []string{"kitchen", "cellar", "attic"} {
		degrees, err := scopeflow.ExecuteTool(ctx, "measure", room, measure)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(room, degrees)
	}
	return heating.End(scopeflow.WithStatus(scopeflow.EndStatusOK))
}

// An exporter of one's own: a subscriber that keeps each scope and call as a row.
func Example_customExporter() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	exporter := &tableExporter{rows: map[scopeflow.UUID]*span{}}
	if err := runtime.RegisterSubscriber("table", exporter.export); err != nil {
		log.Fatal(err)
	}
	if err := heat(scopeflow.WithRuntime(context.Background(), runtime)); err != nil {
		log.Fatal(err)
	}
	for _, id := range exporter.ids {
		row := exporter.rows[id]
		fmt.Println(row.category, row.name, row.status, row.ended.After(row.started))
	}
	// Output:
	// kitchen 21.5
	// no thermometer in the cellar
	// attic 21.5
	// agent heating OK true
	// tool measure OK true
	// tool measure ERROR true
	// tool measure OK true
}

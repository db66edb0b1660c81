package http

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

// still is an engine that costs next to nothing.
type still struct{ fake }

func (*still) Start(_ context.Context, r engine.StartRequest) (engine.Started, error) {
	x := execution()
	x.Function, x.Input = r.Function, r.Input
	return engine.Started{Execution: x}, nil
}

func (*still) Complete(context.Context, workflow.ID, string, json.RawMessage, workflow.ContextUpdate) error {
	return nil
}

// BenchmarkHandlers measures what the service itself costs, without a network.
func BenchmarkHandlers(b *testing.B) {
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		b.Fatal(err)
	}
	handler, err := New(Options{Engine: &still{}, OpenAPI: text, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	large := `"` + strings.Repeat("0123456789abcdef", 4096) + `"`
	for _, of := range []struct{ name, path, body string }{
		{"dispatch", "/v1/executions", `{"function":"order","input":{"order_id":"ORD-001","items":[1,2,3]},"tags":["a"],"max_duration":"1h"}`},
		{"dispatch/64KiB", "/v1/executions", `{"function":"order","input":` + large + `}`},
		{"complete", taskPath + "/complete", `{"result":{"invoice":"INV-7"}}`},
		{"complete/64KiB", taskPath + "/complete", `{"result":` + large + `}`},
	} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(of.body)))
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, of.path, strings.NewReader(of.body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Idempotency-Key", "order-ORD-001")
				r.Header.Set("Stent-Task-Token", "t")
				w := httptest.NewRecorder()
				if handler.ServeHTTP(w, r); w.Code >= 300 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

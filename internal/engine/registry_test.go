package engine_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

// Many ask at once for what another process has just registered, and no hint came.
func TestRegistrationByAnotherProcessIsKnownToAllWhoAskAfterIt(t *testing.T) {
	t.Parallel()
	e, store := setup(t, deaf{}, nil)
	for round := range 20 {
		f, err := workflow.FunctionSpec{Name: fmt.Sprintf("new%d", round), Kind: "activity", URL: "http://127.0.0.1:1"}.Function()
		if err != nil {
			t.Fatal(err)
		}
		f.Namespace = db.DefaultNamespace
		if err := store.PutFunctions(t.Context(), []*workflow.Function{f}); err != nil {
			t.Fatal(err)
		}
		var starts sync.WaitGroup
		for range 10 {
			starts.Go(func() {
				if _, err := e.Start(t.Context(), engine.StartRequest{Function: f.Name}); err != nil {
					t.Error(err)
				}
			})
		}
		starts.Wait()
	}
}

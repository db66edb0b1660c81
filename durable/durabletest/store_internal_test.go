package durabletest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stent-dev/stent/internal/workflow"
)

// The store must load and save all that the core asks for. Whoever adds a field
// there teaches it to the store, and adds it here.
func TestStoreKnowsAllThatTheCoreAsksFor(t *testing.T) {
	t.Parallel()
	for of, known := range map[reflect.Type][]string{
		reflect.TypeFor[workflow.Need]():   {"Executions", "Keys", "Tasks", "Steps", "Waiters", "Mailbox", "Counters", "Open", "Sent", "Results", "ResultsOf", "Trees", "DeadLetters"},
		reflect.TypeFor[workflow.Loaded](): {"Now", "Executions", "Tasks", "Signals", "Counters", "Sent", "Results", "DeadLetters"},
		reflect.TypeFor[workflow.Change](): {
			"Now", "NewExecutions", "Executions", "NewTasks", "Tasks", "Inputs", "Sweeps", "Releases", "Gathers", "NewSignals", "Taken",
			"Counters", "State", "Parks", "NewResults", "Results",
			"DeadLetters", "Exhumed", "Reopened", "Moves",
			"FreedQueues",                          // nothing is limited
			"Freed",                                // the store looks itself
			"Attempts",                             // shown by nobody here
			"Holds", "Unholds", "Handed", "Lessee", // there is one scheduler, which polls
		},
		reflect.TypeFor[workflow.TaskUpdate](): {"Task", "WasToken", "SetDetail"},
	} {
		for i := range of.NumField() {
			if name := of.Field(i).Name; !slices.Contains(known, name) {
				t.Errorf("the store knows nothing of %s.%s", of.Name(), name)
			}
		}
	}
}

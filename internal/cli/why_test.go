package cli_test

import (
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
)

// What is blocked does not hear of its cancellation, and the state alone does not tell of it.
func TestCancellationOfWhatIsBlockedIsShown(t *testing.T) {
	t.Parallel()
	stuck := order()
	stuck.State, stuck.CancelRequested = durable.StateBlocked, true
	answers := everything()
	at := "/v1/executions/" + executionID
	answers["GET "+at], answers["POST "+at+"/cancel"], answers["POST "+at+"/resume"] = answer{200, stuck}, answer{200, stuck}, answer{200, stuck}
	answers["GET "+at+"/why"] = answer{200, durable.Why{ExecutionID: executionID, State: durable.StateBlocked, CancelRequested: true}}
	for _, command := range []string{"show", "cancel --force", "resume", "why"} {
		_, term := serve(t, answers)
		term.run(t.Context(), append(strings.Fields(command), executionID)...)
		if all := term.out.String() + term.err.String(); !strings.Contains(all, "stent cancel --mode force "+executionID) ||
			command != "why" && !strings.Contains(all, "blocked (to be cancelled)") {
			t.Errorf("%s wrote %s", command, all)
		}
	}
}

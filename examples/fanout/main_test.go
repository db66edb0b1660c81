package main

import (
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
	"github.com/stent-dev/stent/examples/internal/example"
	"github.com/stent-dev/stent/internal/apptest"
)

func TestPartialFailuresAreReported(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := example.Run(t.Context(), apptest.Dev(t), newWorker(), &out, work); err != nil {
		t.Fatal(err)
	}
	want := `198 sent, 2 failed, 20 tried again
  nobody: step send#0[3] failed: bad_address: "nobody" is no address
  nowhere: step send#0[199] failed: bad_address: "nowhere" is no address
`
	if out.String() != want {
		t.Fatalf("got\n%swant\n%s", out.String(), want)
	}
}

func TestServerThatStaysBusyIsAFailureAfterThreeAttempts(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, newWorker())
	env.Answer("send", durable.Errorf("busy", "try again"))
	x := env.Dispatch("invoices", []string{"a@example.com"})
	got, err := durable.Result[report](x.Wait())
	if err != nil || got.Sent != 0 || !strings.Contains(got.Failed["a@example.com"], "busy") || len(x.Calls("send")) != 3 {
		t.Fatalf("%+v, %v, %d attempts", got, err, len(x.Calls("send")))
	}
}

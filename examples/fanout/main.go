// Command fanout sends invoices to many customers at once. Some cannot be sent; the
// rest are, and a report says which failed, and why.
//
//	go run ./examples/fanout -stent http://127.0.0.1:8233
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/examples/internal/example"
)

// report is what became of the invoices.
type report struct {
	Sent   int               `json:"sent"`
	Failed map[string]string `json:"failed"` // the reason by address
}

// sendAll sends an invoice to each address, all at the same time, and goes on past
// those that fail.
func sendAll(ctx *durable.Context, addresses []string) (report, error) {
	items, err := durable.MapCollect[string](ctx, "send", addresses)
	if err != nil {
		return report{}, err
	}
	out := report{Failed: map[string]string{}}
	for i, item := range items { // in the order of the addresses
		if item.Err != nil {
			out.Failed[addresses[i]] = item.Err.Error()
			continue
		}
		out.Sent++
	}
	ctx.Count("sent", int64(out.Sent))
	ctx.Count("failed", int64(len(out.Failed)))
	return out, nil
}

// send stands for a mail server. A refusal is final; being busy passes.
func send(ctx context.Context, address string) (string, error) {
	switch {
	case !strings.Contains(address, "@"):
		return "", durable.Terminal(durable.Errorf("bad_address", "%q is no address", address))
	case strings.HasPrefix(address, "busy") && durable.Info(ctx).Attempt == 1:
		return "", durable.Errorf("busy", "try again")
	}
	return "sent to " + address, nil
}

func newWorker() *durable.Worker {
	w := durable.NewWorker()
	durable.Orchestrator(w, "invoices", sendAll)
	durable.Activity(w, "send", send, durable.Retry(durable.RetryPolicy{MaxAttempts: 3, InitialDelay: 100 * time.Millisecond}))
	return w
}

func main() { example.Main(newWorker(), work) }

func work(ctx context.Context, client *durable.Client, out io.Writer) error {
	x, err := client.Dispatch(ctx, "invoices", addresses(200), durable.WaitUpTo(time.Minute))
	if err != nil {
		return err
	}
	r, err := durable.Result[report](x)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d sent, %d failed, %d tried again\n", r.Sent, len(r.Failed), x.Retries)
	for _, address := range slices.Sorted(maps.Keys(r.Failed)) {
		fmt.Fprintf(out, "  %s: %s\n", address, r.Failed[address])
	}
	return nil
}

// addresses makes n of them: two are wrong, and every tenth is busy at first.
func addresses(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("customer-%d@example.com", i)
		if i%10 == 0 {
			all[i] = "busy-" + all[i]
		}
	}
	all[3], all[n-1] = "nobody", "nowhere"
	return all
}

package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/stent-dev/stent/durable"
)

// unsettled gives the tasks of an execution that has ended which have not.
func (r *racing) unsettled(id string) (open []string) {
	r.Helper()
	var list struct {
		Items []struct{ ID, State string }
	}
	a := r.c.at(1).do("GET", "/v1/executions/"+id+"/tasks?limit=500", "")
	if err := json.Unmarshal(a.body, &list); err != nil || a.status != http.StatusOK {
		r.Errorf("%d %s", a.status, a.body)
	}
	for _, t := range list.Items {
		if t.State != "completed" && t.State != "failed" && t.State != "cancelled" {
			open = append(open, t.ID+" is "+t.State)
		}
	}
	return open
}

// finality remembers how executions ended, and looks again when all is done.
type finality struct {
	mu   sync.Mutex
	ends map[string]string // the execution as it was shown, by its id
}

func (f *finality) note(r *racing, id string) {
	body := string(r.c.do("GET", "/v1/executions/"+id, "").body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ends[id] = body
}

func (f *finality) check(r *racing) {
	r.Helper()
	for id, end := range f.ends {
		if now := string(r.c.at(1).do("GET", "/v1/executions/"+id, "").body); now != end {
			r.Errorf("it had ended as\n%s\nand is now\n%s", end, now)
		}
	}
}

func cancelAndComplete(r *racing) {
	w := quietWorker()
	durable.Activity(w, "small", func(_ context.Context, n int) (int, error) { return n, nil })
	durable.Orchestrator(w, "short", func(ctx *durable.Context, n int) (int, error) {
		if _, err := durable.Call[int](ctx, "small", n); err != nil {
			return 0, err
		}
		return durable.Call[int](ctx, "small", n)
	})
	r.c.serve(w)
	ends, done := &finality{ends: map[string]string{}}, edge{d: 60 * time.Millisecond}
	r.rounds(func(n int) string {
		id := r.dispatch("short", n)
		done.wait()
		err := r.apis[1].Cancel(r.Context(), id, []durable.CancelMode{durable.Graceful, durable.Force}[n%2])
		x := r.ended(id)
		ends.note(r, id)
		done.was(x.State == durable.StateCancelled)
		switch {
		case err == nil && x.State == durable.StateCancelled:
			return "the cancellation came in time"
		case conflict(err) && x.State == durable.StateCompleted && string(x.Result) == fmt.Sprint(n):
			return "the completion came first"
		}
		return fmt.Sprintf("the cancellation was answered %v, and the execution %s", err, x.State)
	}, "the cancellation came in time", "the completion came first")
	ends.check(r)
}

// Code that only waits learns of a cancellation that came before it could wait.
func cancelAndFirstTurn(r *racing) {
	w := quietWorker()
	durable.Orchestrator(w, "patient", func(ctx *durable.Context, _ int) (int, error) {
		return durable.WaitSignal[int](ctx, "never", time.Hour)
	})
	r.c.serve(w)
	begun := edge{d: 20 * time.Millisecond}
	r.rounds(func(n int) string {
		id := r.dispatch("patient", n)
		begun.wait()
		err := r.apis[1].Cancel(r.Context(), id, durable.Graceful)
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		x, late := r.apis[1].Wait(ctx, id)
		if err != nil || late != nil || x.State != durable.StateCancelled {
			return fmt.Sprintf("the cancellation was answered %v, and the execution did not end in a minute: %v", err, late)
		}
		begun.was(len(x.Progress) == 0)
		if len(x.Progress) > 0 {
			return "the wait was cancelled"
		}
		return "it had not begun"
	}, "the wait was cancelled", "it had not begun")
}

func forceAndFanOut(r *racing) {
	w := quietWorker()
	durable.Activity(w, "leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	durable.Orchestrator(w, "branch", func(ctx *durable.Context, n int) (int, error) {
		leaves, err := durable.Map[int](ctx, "leaf", make([]int, n), durable.MaxInFlight(2))
		return len(leaves), err
	})
	durable.Orchestrator(w, "tree", func(ctx *durable.Context, n int) (int, error) {
		branches := make([]*durable.Future[int], n)
		for i := range branches {
			branches[i] = durable.Start[int](ctx, "branch", n)
		}
		return n, durable.AllOrFailure(ctx, durable.Each(branches)...)
	})
	r.c.serve(w)
	done := edge{d: 150 * time.Millisecond}
	r.rounds(func(int) string {
		id := r.dispatch("tree", 4)
		done.wait()
		err := r.apis[1].Cancel(r.Context(), id, durable.Force)
		x := r.ended(id)
		done.was(x.State == durable.StateCancelled)
		if open := r.unsettled(id); len(open) > 0 {
			return fmt.Sprintf("the execution is %s, and %v", x.State, open)
		}
		switch {
		case err == nil && x.State == durable.StateCancelled:
			return "the tree was cut"
		case conflict(err) && x.State == durable.StateCompleted:
			return "the tree was done"
		}
		return fmt.Sprintf("the cancellation was answered %v, and the execution %s", err, x.State)
	}, "the tree was cut", "the tree was done")
}

func reportsAndDeadline(r *racing) {
	tokens := make(chan [3]string, rounds) // execution, task, token
	w := quietWorker()
	durable.Activity(w, "reported-twice", func(ctx context.Context, _ int) (int, error) {
		tokens <- [3]string{durable.Info(ctx).ExecutionID, durable.Info(ctx).TaskID, durable.TaskToken(ctx)}
		return 0, durable.Async
	}, durable.Timeout(60*time.Millisecond), durable.Retry(durable.RetryPolicy{MaxAttempts: 1}))
	r.c.serve(w)
	r.rounds(func(int) string {
		r.dispatch("reported-twice", 1)
		task := <-tokens // of this round or another one
		var completed, failed error
		var group sync.WaitGroup
		group.Go(func() {
			jitter(150 * time.Millisecond)
			completed = r.apis[0].Complete(r.Context(), task[1], task[2], 7)
		})
		group.Go(func() {
			jitter(150 * time.Millisecond)
			failed = r.apis[1].Fail(r.Context(), task[1], task[2], durable.Terminal(durable.Errorf("mine", "it broke")))
		})
		group.Wait()
		x := r.ended(task[0])
		cause := ""
		if x.Error != nil {
			cause = x.Error.Type
		}
		switch {
		case x.State == durable.StateCompleted && completed == nil && conflict(failed):
			return "the result was taken"
		case cause == "mine" && conflict(completed) && failed == nil:
			return "the failure was taken"
		case cause == durable.TypeTimeout && conflict(completed) && conflict(failed):
			return "the deadline came first"
		}
		return fmt.Sprintf("it %s (%v), its result was answered %v and its failure %v", x.State, x.Error, completed, failed)
	}, "the result was taken", "the failure was taken", "the deadline came first")
}

func maxDurationAndCompletion(r *racing) {
	w := quietWorker()
	durable.Activity(w, "takes-a-while", func(ctx context.Context, n int) (int, error) {
		select {
		case <-time.After(time.Duration(n) * time.Millisecond):
		case <-ctx.Done():
		}
		return n, nil
	})
	durable.Orchestrator(w, "bounded", func(ctx *durable.Context, n int) (int, error) { return durable.Call[int](ctx, "takes-a-while", n) })
	r.c.serve(w)
	ends, longest := &finality{ends: map[string]string{}}, edge{d: 80 * time.Millisecond}
	r.rounds(func(n int) string {
		x := r.ended(r.dispatch("bounded", n%50, durable.MaxDuration(longest.near())))
		ends.note(r, x.ID)
		longest.was(x.State == durable.StateTimedOut)
		switch {
		case x.State == durable.StateCompleted && string(x.Result) == fmt.Sprint(n%50):
			return "it completed in time"
		case x.State == durable.StateTimedOut && string(x.Result) == "null" && len(r.unsettled(x.ID)) == 0:
			return "its time was up"
		}
		return fmt.Sprintf("it %s with %s, %v; %v", x.State, x.Result, x.Error, r.unsettled(x.ID))
	}, "it completed in time", "its time was up")
	ends.check(r)
}

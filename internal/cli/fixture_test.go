package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/stent-dev/stent/durable"
)

const executionID = "01a208eb-0000-7000-8000-000000000001"

// id makes an id that sorts by n.
func id(n int) string { return fmt.Sprintf("01a208eb-0000-7000-8000-%012d", n) }

// before is a moment that long before now; negative: after.
func before(d time.Duration) *time.Time { t := now.Add(-d); return &t }

func page[T any](cursor string, items ...T) durable.Page[T] {
	return durable.Page[T]{Items: items, NextCursor: cursor}
}

func order() durable.Execution {
	return durable.Execution{
		ID: executionID, Function: "order", Version: "2", State: durable.StateRunning, Input: json.RawMessage(`{"id": "ORD-1"}`),
		Tags: []string{"vip"}, Queue: "default", Priority: 5, Retries: 3, Counters: map[string]int64{"resized": 9, "tries": 1},
		CustomState: map[string]json.RawMessage{"phase": json.RawMessage(`"resizing"`)},
		CreatedAt:   *before(2 * time.Hour), StartedAt: before(2*time.Hour - 10*time.Millisecond), DeadlineAt: before(-22 * time.Hour),
	}
}

// orderTasks are the tasks of order, of every kind and state, the newest first.
func orderTasks() []durable.TaskInfo {
	began := 2*time.Hour - 10*time.Millisecond
	task := func(n int, parent, key, kind, state string) durable.TaskInfo {
		t := durable.TaskInfo{
			ID: id(n), ExecutionID: executionID, ParentTaskID: parent, StepKey: key, Kind: kind, Name: key, State: state, CreatedAt: *before(began),
			ParentRun: new(int),
		}
		if parent == id(10) {
			*t.ParentRun = 1
		}
		return t
	}
	root := task(10, "", "root", "orchestrator", "waiting")
	root.Run, root.ParentRun = 1, nil // it was restarted once
	earlier := task(11, id(10), "ship#0", "orchestrator", "failed")
	*earlier.ParentRun, earlier.Error = 0, &durable.Failure{Type: "lost", Message: "no such parcel"}
	earlierLabel := task(12, earlier.ID, "label#0", "activity", "completed")
	charge := task(20, id(10), "charge#0", "activity", "completed")
	charge.Attempt, charge.Retries, charge.Result = 3, 2, json.RawMessage(`{"id": "ch_1"}`)
	charge.StartedAt, charge.CompletedAt = before(began-3*time.Second), before(began-3*time.Second-45*time.Millisecond)
	cached := task(21, id(10), "price#0", "activity", "completed")
	cached.CacheHit, cached.Result = true, json.RawMessage("9.5")
	sub := task(30, id(10), "ship#0", "orchestrator", "waiting")
	sub.StartedAt = before(time.Minute)
	label := task(31, id(30), "label#0", "activity", "running")
	label.Attempt, label.StartedAt, label.Details = 1, before(50*time.Second), json.RawMessage(`{"done": 3, "of": 10}`)
	pickup := task(32, id(30), "pickup#0", "activity", "pending")
	pickup.Attempt, pickup.Retries, pickup.ScheduledFor = 1, 1, before(-30*time.Second)
	pickup.Error = &durable.Failure{Type: "busy", Message: "no \x1b[31mcourier\nnow"}
	tasks := []durable.TaskInfo{root, earlier, earlierLabel, charge, cached, sub, label, pickup, task(40, id(10), "resize#0", "map", "waiting")}
	for i := range 14 {
		item := task(50+i, id(40), fmt.Sprint(i), "activity", "completed")
		item.Attempt, item.StartedAt, item.CompletedAt = 1, before(time.Hour), before(time.Hour-time.Second)
		switch i {
		case 3:
			item.State, item.Error = "failed", &durable.Failure{Type: "corrupt", Message: "not an image"}
		case 9:
			item.State, item.CompletedAt = "running", nil
		case 12, 13:
			item.State, item.Attempt, item.StartedAt, item.CompletedAt = "pending", 0, nil, nil
		}
		tasks = append(tasks, item)
	}
	approval := task(70, id(10), "approval#0", "signal", "waiting")
	approval.Name, approval.ScheduledFor = "approval", before(-48*time.Hour)
	nap := task(71, id(10), "nap#0", "timer", "waiting")
	nap.ScheduledFor = before(-5 * time.Minute)
	deadline := task(72, "", "deadline", "timer", "waiting")
	tasks = append(tasks, approval, nap, deadline, task(73, id(10), "gone#0", "activity", "cancelled"))
	for i, j := 0, len(tasks)-1; i < j; i, j = i+1, j-1 {
		tasks[i], tasks[j] = tasks[j], tasks[i]
	}
	return tasks
}

// chargeAttempts is the task charge#0 with its failed attempts.
func chargeAttempts() durable.TaskInfo {
	at := 2*time.Hour - 20*time.Millisecond
	return durable.TaskInfo{
		ID: id(20), ExecutionID: executionID, ParentTaskID: id(10), StepKey: "charge#0", Kind: "activity", Name: "charge", Function: "charge", State: "completed",
		Queue: "default", Attempt: 3, Retries: 2, Input: json.RawMessage(`{"id":"ORD-1"}`), Result: json.RawMessage(`{"id":"ch_1"}`),
		CreatedAt: *before(2 * time.Hour), StartedAt: before(at - time.Second), CompletedAt: before(at - 2*time.Second),
		Attempts: []durable.Attempt{
			{Number: 1, StartedAt: *before(at), EndedAt: *before(at - 12*time.Millisecond), StatusCode: 500, Error: &durable.Failure{Type: "error", Message: "boom"}},
			{Number: 2, StartedAt: *before(at - time.Second), EndedAt: *before(at - 1500*time.Millisecond), Error: &durable.Failure{Type: "timeout", Message: "no answer"}},
		},
	}
}

// everything answers each request of the golden tests.
func everything() map[string]answer {
	ok := func(body any) answer { return answer{http.StatusOK, body} }
	failed := durable.Execution{
		ID: id(2), Function: "report", State: durable.StateFailed, CreatedAt: *before(50 * time.Hour), StartedAt: before(50 * time.Hour), CompletedAt: before(49*time.Hour + 13*time.Minute),
		Tags: []string{"nightly", "eu"}, Error: &durable.ExecutionError{Type: "disk_full", Message: "there is\nno room"},
	}
	paused := durable.Execution{ID: id(3), Function: "import", State: durable.StateRunning, Paused: true, CreatedAt: *before(30 * time.Second), StartedAt: before(29 * time.Second)}
	ten := 10
	ttl := "1h"
	return map[string]answer{
		"GET /v1/executions":                            ok(page("NEXT", paused, order(), failed)),
		"GET /v1/executions/" + executionID:             ok(order()),
		"GET /v1/executions/" + executionID + "/tasks":  ok(page("", orderTasks()...)),
		"GET /v1/executions/" + executionID + "/why":    ok(why()),
		"GET /v1/executions/" + executionID + "/events": ok(events),
		"GET /v1/tasks":                                 ok(page("", orderTasks()[:3]...)),
		"GET /v1/tasks/" + id(20):                       ok(chargeAttempts()),
		"GET /v1/tasks/" + id(32):                       ok(durable.TaskInfo{ID: id(32)}),
		"GET /v1/tasks/" + id(53):                       ok(durable.TaskInfo{ID: id(53), Attempts: []durable.Attempt{{Number: 1}}}),
		"GET /v1/functions": ok(page("",
			durable.FunctionInfo{Name: "charge", Kind: durable.KindActivity, URL: "http://billing:9000/charge", Queue: "default", Timeout: "30s", Tags: []string{"billing"},
				RetryPolicy: durable.PolicyInfo{MaxAttempts: 3}, MaxConcurrent: &ten, RateLimit: &durable.RateInfo{Limit: 100, Per: "1s"}, Idempotent: true, CacheTTL: &ttl},
			durable.FunctionInfo{Name: "order", Kind: durable.KindOrchestrator, URL: "http://app:9000/stent", Version: "2", Queue: "eu", Timeout: "10s"})),
		"GET /v1/workers": ok(page("",
			durable.WorkerInfo{ID: id(5), URL: "http://app:9000/stent", Health: "healthy", Signed: true},
			durable.WorkerInfo{ID: id(6), URL: "http://old:9000/stent", Health: "unreachable", UnreachableSince: before(3 * time.Minute), LastError: "connection refused"})),
		"GET /v1/queues": ok(map[string]any{"items": []durable.QueueInfo{
			{Name: "default", Depth: 12, OldestDueAt: before(90 * time.Second)}, {Name: "eu", Paused: true}}, "next_cursor": nil}),
		"GET /v1/schedulers": ok(page("",
			durable.SchedulerInfo{ID: id(7), Host: "node-1", State: "ready", Capacity: 500, InFlight: 37, StartedAt: *before(26 * time.Hour), LastSeenAt: *before(2 * time.Second)},
			durable.SchedulerInfo{ID: id(8), Host: "node-2", State: "draining", Queues: []string{"eu", "us"}, Capacity: 50, StartedAt: *before(time.Minute), LastSeenAt: now})),
		"GET /v1/dead-letters":           ok(page("", deadLetter())),
		"GET /v1/dead-letters/" + id(20): ok(deadLetter()),
		"GET /v1/stats": ok(durable.Stats{
			Executions: durable.StateCounts{ByState: map[string]int64{"running": 3, "completed": 1_200_000, "failed": 2}},
			Tasks:      durable.StateCounts{ByState: map[string]int64{"running": 7, "waiting": 4, "completed": 9_000_000, "failed": 5, "pending": 0}},
			Queues:     []durable.QueueInfo{{Name: "default", Depth: 10_000, More: true, OldestDueAt: before(90 * time.Second)}}, DeadLetters: 5,
		}),
	}
}

func deadLetter() durable.DeadLetter {
	return durable.DeadLetter{
		TaskID: id(20), ExecutionID: executionID, Function: "charge", Kind: durable.KindActivity, Queue: "default", Attempt: 2, StepKey: "charge#0",
		Error: &durable.Failure{Type: "card_declined", Message: "the bank said no", Details: json.RawMessage(`{"code": 51}`)}, FailedAt: *before(3 * time.Hour), Input: json.RawMessage(`{"id": "ORD-1"}`),
		Attempts: chargeAttempts().Attempts,
	}
}

func why() durable.Why {
	return durable.Why{
		ExecutionID: executionID, State: durable.StateRunning, Paused: true, More: true,
		WaitsFor: []durable.Hold{
			{TaskID: id(32), Step: "pickup#0", Path: "ship#0/pickup#0", Kind: "activity", Name: "pickup", Attempt: 1, Reason: "retry", Detail: "it has failed once, with busy: no courier", Since: before(time.Minute), Until: before(-30 * time.Second),
				Error: json.RawMessage(`{"type": "busy", "message": "no courier", "details": null}`)},
			{TaskID: id(62), Step: "12", Path: "resize#0[12]", Kind: "activity", Name: "resize", Reason: "worker_unreachable", Detail: "worker http://old:9000/stent cannot be reached",
				Error: json.RawMessage(`{"type": "slow", "message": "gave up", "details": null}`)},
			{TaskID: id(63), Step: "13", Path: "resize#0[13]", Kind: "activity", Name: "resize", Reason: "due", Detail: "a scheduler that has room will take it", Error: json.RawMessage("null")},
			{TaskID: id(70), Step: "approval#0", Path: "approval#0", Kind: "signal", Name: "approval", Reason: "signal", Detail: "it waits for the signal approval", Since: before(2 * time.Hour), Error: json.RawMessage("null")},
		},
	}
}

// events is a stream that is cut once, and goes on where it was.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(id, name string, data any) {
		text, _ := json.Marshal(data)
		fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", id, name, text)
	}
	switch r.Header.Get("Last-Event-ID") {
	case "":
		fmt.Fprint(w, ": keep-alive\n\n")
		send("1", "execution", order())
		tasks := orderTasks()
		for i := len(tasks) - 1; i >= 0; i-- {
			send("2", "task", tasks[i])
		}
	case "2":
		ended := order()
		ended.State, ended.Error = durable.StateFailed, &durable.ExecutionError{Type: "lost", Message: "the parcel is lost"}
		ended.CompletedAt = &now
		send("2", "task", orderTasks()[len(orderTasks())-2]) // told already
		send("3", "execution", ended)
		send("4", "end", struct{}{})
	}
}

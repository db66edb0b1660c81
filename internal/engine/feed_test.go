package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

const idle = 10 * time.Second

func startWork(t *testing.T, e *engine.Engine) *workflow.Execution {
	t.Helper()
	started, err := e.Start(t.Context(), engine.StartRequest{Function: "work", Input: json.RawMessage(`1`)})
	if err != nil {
		t.Fatal(err)
	}
	return started.Execution
}

func follow(t *testing.T, e *engine.Engine, id workflow.ID, cursor string) engine.Feed {
	t.Helper()
	feed, err := e.Follow(t.Context(), id, cursor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Close)
	return feed
}

// next reads a part that says something.
func next(t *testing.T, feed engine.Feed) engine.FeedPart {
	t.Helper()
	part, err := feed.Next(t.Context(), idle)
	if err != nil || part.Execution == nil && part.Tasks == nil && !part.End {
		t.Fatalf("got %+v, %v", part, err)
	}
	return part
}

func TestAFeedTellsOfEachChangeUntilTheEnd(t *testing.T) {
	t.Parallel()
	for name, bus := range map[string]wake.Bus{"ByHints": wake.NewLocal(), "ByPolling": deaf{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := setup(t, bus, nil)
			x := startWork(t, e)
			feed := follow(t, e, x.ID, "")
			if part := next(t, feed); part.Execution == nil || part.Execution.Execution.State != workflow.ExecutionPending {
				t.Fatalf("first came %+v", part)
			}
			if part := next(t, feed); len(part.Tasks) != 1 || part.Tasks[0].State != workflow.TaskPending {
				t.Fatalf("then came %+v", part)
			}
			if part, err := feed.Next(t.Context(), time.Millisecond); err != nil || part.Tasks != nil || part.Execution != nil || part.End {
				t.Fatalf("nothing has happened, and %+v, %v came", part, err)
			}
			if _, err := e.Count(t.Context(), x.ID, "n", 1); err != nil {
				t.Fatal(err)
			}
			if part := next(t, feed); part.Execution == nil || len(part.Execution.Counters) != 1 {
				t.Fatalf("after counting came %+v", part)
			}
			if err := e.Cancel(t.Context(), x.ID, true); err != nil {
				t.Fatal(err)
			}
			if part := next(t, feed); part.Execution == nil || part.Execution.Execution.State != workflow.ExecutionCancelled {
				t.Fatalf("after cancelling came %+v", part)
			}
			part := next(t, feed)
			if len(part.Tasks) != 1 || part.Tasks[0].State != workflow.TaskCancelled {
				t.Fatalf("then came %+v", part)
			}
			if part := next(t, feed); !part.End {
				t.Fatalf("at the end came %+v", part)
			}
		})
	}
}

// children makes an execution with that many tasks beside its root, and gives all of them.
func children(t *testing.T, e *engine.Engine, store db.Store, n int) (x *workflow.Execution, ids []workflow.ID) {
	t.Helper()
	x = startWork(t, e)
	ids = []workflow.ID{x.RootTask}
	_, err := store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		c := &workflow.Change{Now: l.Now}
		for range n {
			id := engine.NewID()
			ids = append(ids, id)
			c.NewTasks = append(c.NewTasks, &workflow.Task{
				ID: id, Execution: x.ID, Parent: x.RootTask, Key: id.String(), Op: workflow.OpCall, Name: "work", Queue: "default",
				CreatedAt: l.Now, Kind: workflow.KindActivity, State: workflow.TaskWaiting,
			})
		}
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return x, ids
}

// touch changes a task.
func touch(t *testing.T, store db.Store, x *workflow.Execution, id workflow.ID) {
	t.Helper()
	_, err := store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		return &workflow.Change{Now: l.Now, Inputs: []workflow.TaskInput{{Execution: x.ID, Task: id, Input: json.RawMessage(`2`)}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFeedGoesOnFromItsCursorAndMissesNothing(t *testing.T) {
	t.Parallel()
	e, store := setup(t, wake.NewLocal(), nil)
	x, ids := children(t, e, store, 119)
	feed := follow(t, e, x.ID, "")
	next(t, feed)
	part := next(t, feed)
	if len(part.Tasks) != 50 {
		t.Fatalf("a part has %d tasks", len(part.Tasks))
	}
	cursor := part.Cursor(part.Tasks[29]) // the rest of the part was lost
	touch(t, store, x, ids[3])
	touch(t, store, x, ids[110])

	feed = follow(t, e, x.ID, cursor)
	next(t, feed)
	var came []workflow.ID
	for len(came) < 91 {
		part = next(t, feed)
		for _, task := range part.Tasks {
			came = append(came, task.ID)
		}
	}
	want := append([]workflow.ID{ids[3]}, ids[30:]...)
	if !slices.Equal(came, want) {
		t.Errorf("%d came, want %d", len(came), len(want))
	}
	touch(t, store, x, ids[50])
	feed = follow(t, e, x.ID, part.Cursor(part.Tasks[len(part.Tasks)-1]))
	next(t, feed)
	if part = next(t, feed); len(part.Tasks) != 1 || part.Tasks[0].ID != ids[50] {
		t.Errorf("after all of it came %d tasks", len(part.Tasks))
	}
}

func TestAFeedOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	if _, err := e.Follow(t.Context(), engine.NewID(), ""); !errors.Is(err, workflow.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	x := startWork(t, e)
	for _, cursor := range []string{"?", "AAAA", "MiAx", "MSAxIDIg", "MSAxIDIgMw"} {
		if _, err := e.Follow(t.Context(), x.ID, cursor); !errors.Is(err, engine.ErrBadCursor) {
			t.Errorf("%s: got %v", cursor, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	feed := follow(t, e, x.ID, "")
	next(t, feed)
	next(t, feed)
	cancel()
	if _, err := feed.Next(ended, idle); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFollowersAreBounded(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	var lists []engine.ChangeList
	for range 1000 {
		list, err := e.WatchAll()
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, list)
	}
	if _, err := e.WatchAll(); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	lists[0].Close()
	list, err := e.WatchAll()
	if err != nil {
		t.Error(err)
	}
	for _, l := range append(lists[1:], list) {
		l.Close()
	}
}

func TestChangesOfAllExecutionsAreListed(t *testing.T) {
	t.Parallel()
	bus := wake.NewLocal()
	e, _ := idling(t, bus, nil)
	list, err := e.WatchAll() // before the engine listens to the bus
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	run(t, e)
	want := map[string]bool{}
	for range 3 {
		want[startWork(t, e).ID.String()] = true
	}
	for len(want) > 0 {
		ids, many, err := list.Next(t.Context(), idle)
		if err != nil || many || len(ids) == 0 {
			t.Fatalf("got %v, %v, %v", ids, many, err)
		}
		for _, id := range ids {
			delete(want, id)
		}
	}
	bus.Publish(wake.Hint{All: true})
	if ids, many, err := list.Next(t.Context(), idle); len(ids) > 0 || !many || err != nil {
		t.Errorf("got %v, %v, %v", ids, many, err)
	}
	if ids, many, err := list.Next(t.Context(), time.Millisecond); len(ids) > 0 || many || err != nil {
		t.Errorf("got %v, %v, %v", ids, many, err)
	}
}

package dbtest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var listing = map[string]func(*fixture){
	"ListsAreNewestFirstWithStableCursor": listsAreNewestFirst,
	"ExecutionFiltersSelect":              executionFilters,
	"TaskFiltersSelect":                   taskFilters,
	"StatesAreOfThoseThatExist":           statesOfThoseThatExist,
	"ProgressLeavesOutItemsAndPayloads":   progressLeavesOutItems,
	"WhatDoesNotExistIsNotFound":          notFound,
}

func listsAreNewestFirst(f *fixture) {
	var want []workflow.ID
	for range 5 {
		e, _ := f.start("f")
		want = append(want, e.ID)
	}
	slices.Reverse(want)
	var got []workflow.ID
	page := db.Page{Limit: 2}
	for {
		list, err := f.store.Executions(f.ctx, db.ExecutionFilter{Page: page})
		f.ok(err)
		for _, e := range list {
			got = append(got, e.ID)
			page.Before = e.ID
		}
		if len(got) == 2 {
			f.start("f") // newer ones do not shift the pages that follow
		}
		if len(list) < page.Limit {
			break
		}
	}
	f.equal("executions", got, want)

	tasks, err := f.store.Tasks(f.ctx, db.TaskFilter{Page: db.Page{Limit: 100}})
	f.ok(err)
	f.equal("tasks", len(tasks), 6)
	sorted := slices.IsSortedFunc(tasks, func(a, b *workflow.Task) int { return b.ID.Compare(a.ID) })
	f.equal("newest first", sorted, true)
}

func executionFilters(f *fixture) {
	a, _ := f.start("f", func(e *workflow.Execution, _ *workflow.Task) { e.Tags, e.CreatedAt = []string{"x", "y"}, *at(1) })
	b, _ := f.start("g", func(e *workflow.Execution, _ *workflow.Task) { e.Queue, e.Tags, e.CreatedAt = "eu", nil, *at(2) })
	c, _ := f.start("h", func(e *workflow.Execution, _ *workflow.Task) {
		e.State, e.Tags, e.CreatedAt = workflow.ExecutionFailed, []string{"z"}, *at(3)
	})
	for _, test := range []struct {
		name   string
		filter db.ExecutionFilter
		want   []workflow.ID
	}{
		{"all", db.ExecutionFilter{}, []workflow.ID{c.ID, b.ID, a.ID}},
		{"states", db.ExecutionFilter{States: []workflow.ExecutionState{workflow.ExecutionFailed}}, []workflow.ID{c.ID}},
		{"functions", db.ExecutionFilter{Functions: []string{"f", "g"}}, []workflow.ID{b.ID, a.ID}},
		{"queues", db.ExecutionFilter{Queues: []string{"eu"}}, []workflow.ID{b.ID}},
		{"tags", db.ExecutionFilter{Tags: []string{"y", "z"}}, []workflow.ID{c.ID, a.ID}},
		{"after", db.ExecutionFilter{CreatedAfter: at(2)}, []workflow.ID{c.ID}},
		{"before", db.ExecutionFilter{CreatedBefore: at(2)}, []workflow.ID{a.ID}},
		{"several", db.ExecutionFilter{Functions: []string{"f", "g"}, Queues: []string{"default"}}, []workflow.ID{a.ID}},
		{"none", db.ExecutionFilter{Functions: []string{"none"}}, nil},
	} {
		test.filter.Limit = 10
		list, err := f.store.Executions(f.ctx, test.filter)
		f.ok(err)
		var got []workflow.ID
		for _, e := range list {
			got = append(got, e.ID)
		}
		f.equal(test.name, got, test.want)
	}
}

func taskFilters(f *fixture) {
	e, root := f.start("f", waiting)
	_, other := f.start("g")
	a := newChild(root, "a", func(t *workflow.Task) { t.Queue, t.Name = "eu", "h" })
	b := newChild(root, "b", isMap)
	f.add(a, b)
	for _, test := range []struct {
		name   string
		filter db.TaskFilter
		want   []workflow.ID
	}{
		{"all", db.TaskFilter{}, []workflow.ID{b.ID, a.ID, other.ID, root.ID}},
		{"execution", db.TaskFilter{Execution: e.ID}, []workflow.ID{b.ID, a.ID, root.ID}},
		{"page of an execution", db.TaskFilter{Execution: e.ID, Page: db.Page{Before: b.ID}}, []workflow.ID{a.ID, root.ID}},
		{"states", db.TaskFilter{States: []workflow.TaskState{workflow.TaskPending}}, []workflow.ID{a.ID, other.ID}},
		{"queues", db.TaskFilter{Queues: []string{"eu"}}, []workflow.ID{a.ID}},
		{"functions", db.TaskFilter{Functions: []string{"h", "g"}}, []workflow.ID{a.ID, other.ID}},
		{"kinds", db.TaskFilter{Kinds: []workflow.Kind{workflow.KindMap, workflow.KindOrchestrator}}, []workflow.ID{b.ID, root.ID}},
	} {
		test.filter.Limit = 10
		list, err := f.store.Tasks(f.ctx, test.filter)
		f.ok(err)
		var got []workflow.ID
		for _, t := range list {
			got = append(got, t.ID)
		}
		f.equal(test.name, got, test.want)
	}
}

func statesOfThoseThatExist(f *fixture) {
	a, _ := f.start("f")
	b, _ := f.start("f", func(e *workflow.Execution, _ *workflow.Task) { e.State = workflow.ExecutionCompleted })
	states, err := f.store.States(f.ctx, []workflow.ID{a.ID, newID(), b.ID})
	f.ok(err)
	f.equal("states", states, map[workflow.ID]workflow.ExecutionState{a.ID: workflow.ExecutionPending, b.ID: workflow.ExecutionCompleted})
}

func progressLeavesOutItems(f *fixture) {
	e, root := f.start("f", waiting)
	first := newChild(root, "first", func(t *workflow.Task) {
		t.State, t.StartedAt, t.CompletedAt, t.Result = workflow.TaskCompleted, at(1), at(2), json.RawMessage(`1`)
	})
	m := newChild(root, "map", isMap)
	later := newChild(root, "later", func(t *workflow.Task) { t.CreatedAt = t.CreatedAt.Add(time.Second) })
	deadline := newChild(root, "deadline", func(t *workflow.Task) {
		t.Parent, t.Op, t.Kind = workflow.ID{}, workflow.OpDeadline, workflow.KindTimer
	})
	f.add(slices.Concat([]*workflow.Task{first, m}, newItems(m, 3), []*workflow.Task{later, deadline})...)
	steps := f.overview(e.ID).Progress
	var keys []string
	for _, step := range steps {
		keys = append(keys, step.Key)
		if step.Input != nil || step.Result != nil {
			f.Fatalf("payloads of step %s were read", step.Key)
		}
	}
	f.equal("steps", keys, []string{"first", "map", "later"})
	f.equal("times", []any{steps[0].StartedAt, steps[0].CompletedAt}, []any{at(1), at(2)})
}

func notFound(f *fixture) {
	_, err := f.store.Execution(f.ctx, newID())
	f.is(err, db.ErrNotFound)
	_, _, err = f.store.Task(f.ctx, newID())
	f.is(err, db.ErrNotFound)
	_, err = f.store.Overview(f.ctx, newID())
	f.is(err, db.ErrNotFound)
}

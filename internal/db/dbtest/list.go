package dbtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var listing = map[string]func(*fixture){
	"ListsAreNewestFirstWithStableCursor": listsAreNewestFirst,
	"ExecutionFiltersSelect":              executionFilters,
	"TaskFiltersSelect":                   taskFilters,
	"OpenTasksAreFoundBehindManyOthers":   openTasksAreFoundBehindMany,
	"SweptTasksSayWhyAndAreListed":        sweptTasksSayWhy,
	"StatesAreOfThoseThatExist":           statesOfThoseThatExist,
	"ProgressLeavesOutItems":              progressLeavesOutItems,
	"ProgressIsOfTheNewestRuns":           progressIsOfTheNewestRuns,
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

	tasks, err := f.store.Tasks(f.ctx, db.TaskFilter{Limit: 100})
	f.ok(err)
	f.equal("tasks", len(tasks.Tasks), 6)
	sorted := slices.IsSortedFunc(tasks.Tasks, func(a, b *workflow.Task) int { return b.ID.Compare(a.ID) })
	f.equal("newest first", sorted, true)
}

func executionFilters(f *fixture) {
	yes := true
	a, _ := f.start("f", func(e *workflow.Execution, _ *workflow.Task) {
		e.Tags, e.CreatedAt, e.Paused = []string{"x", "y"}, *at(1), yes
	})
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
		{"after", db.ExecutionFilter{CreatedAfter: at(2)}, []workflow.ID{c.ID, b.ID}},
		{"before", db.ExecutionFilter{CreatedBefore: at(2)}, []workflow.ID{a.ID}},
		{"several", db.ExecutionFilter{Functions: []string{"f", "g"}, Queues: []string{"default"}}, []workflow.ID{a.ID}},
		{"several states", db.ExecutionFilter{States: []workflow.ExecutionState{workflow.ExecutionFailed, workflow.ExecutionPending}},
			[]workflow.ID{c.ID, b.ID, a.ID}},
		{"function and state", db.ExecutionFilter{Functions: []string{"h"}, States: []workflow.ExecutionState{workflow.ExecutionPending}}, nil},
		{"state and queue", db.ExecutionFilter{States: []workflow.ExecutionState{workflow.ExecutionPending}, Queues: []string{"eu"}},
			[]workflow.ID{b.ID}},
		{"queues", db.ExecutionFilter{Queues: []string{"eu", "us"}}, []workflow.ID{b.ID}},
		{"the default queue", db.ExecutionFilter{Queues: []string{"default"}}, []workflow.ID{c.ID, a.ID}},
		{"any queue", db.ExecutionFilter{Queues: []string{"default", "eu"}}, []workflow.ID{c.ID, b.ID, a.ID}},
		{"tags of one", db.ExecutionFilter{Tags: []string{"x", "y"}, States: []workflow.ExecutionState{workflow.ExecutionPending}},
			[]workflow.ID{a.ID}},
		{"tag and function", db.ExecutionFilter{Tags: []string{"z"}, Functions: []string{"f"}}, nil},
		{"before the first", db.ExecutionFilter{CreatedBefore: at(-3600)}, nil},
		{"paused", db.ExecutionFilter{Paused: &yes}, []workflow.ID{a.ID}},
		{"not paused", db.ExecutionFilter{Paused: new(bool), Queues: []string{"default"}}, []workflow.ID{c.ID}},
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
	c := newChild(root, "c", inState(workflow.TaskFailed), func(t *workflow.Task) { t.Name, t.Error = "h", &workflow.Error{Type: "x"} })
	d := newChild(root, "d", inState(workflow.TaskCompleted))
	f.add(a, b, c, d)
	type states = []workflow.TaskState
	for _, test := range []struct {
		name   string
		filter db.TaskFilter
		want   []workflow.ID
	}{
		{"all", db.TaskFilter{}, []workflow.ID{d.ID, c.ID, b.ID, a.ID, other.ID, root.ID}},
		{"execution", db.TaskFilter{Execution: e.ID}, []workflow.ID{d.ID, c.ID, b.ID, a.ID, root.ID}},
		{"part of an execution", db.TaskFilter{Execution: e.ID, After: &db.TaskPlace{Task: b.ID}}, []workflow.ID{a.ID, root.ID}},
		{"states of an execution", db.TaskFilter{Execution: e.ID, States: states{workflow.TaskPending, workflow.TaskFailed}}, []workflow.ID{c.ID, a.ID}},
		{"functions of an execution", db.TaskFilter{Execution: e.ID, Functions: []string{"h"}}, []workflow.ID{c.ID, a.ID}},
		{"failed", db.TaskFilter{States: states{workflow.TaskFailed, workflow.TaskCancelled}}, []workflow.ID{c.ID}},
		{"completed", db.TaskFilter{States: states{workflow.TaskCompleted}}, []workflow.ID{d.ID}},
		{"pending", db.TaskFilter{States: states{workflow.TaskPending}}, []workflow.ID{other.ID, a.ID}},
		{"open ones first", db.TaskFilter{States: states{workflow.TaskCompleted, workflow.TaskPending, workflow.TaskFailed}},
			[]workflow.ID{other.ID, a.ID, d.ID, c.ID}},
		{"open ones of a function", db.TaskFilter{States: states{workflow.TaskPending, workflow.TaskFailed}, Functions: []string{"h"}},
			[]workflow.ID{a.ID, c.ID}},
		{"failed ones of a queue", db.TaskFilter{States: states{workflow.TaskFailed}, Queues: []string{"eu"}}, nil},
		{"queues", db.TaskFilter{Queues: []string{"eu"}}, []workflow.ID{a.ID}},
		{"the default queue", db.TaskFilter{Queues: []string{"eu", "default"}}, []workflow.ID{d.ID, c.ID, a.ID, other.ID, root.ID}},
		{"functions", db.TaskFilter{Functions: []string{"h", "g"}}, []workflow.ID{c.ID, a.ID, other.ID}},
		{"function and kind", db.TaskFilter{Functions: []string{"f"}, Kinds: []workflow.Kind{workflow.KindActivity}}, nil},
		{"kinds", db.TaskFilter{Kinds: []workflow.Kind{workflow.KindMap, workflow.KindOrchestrator}}, []workflow.ID{b.ID, root.ID}},
		{"a rare kind", db.TaskFilter{Kinds: []workflow.Kind{workflow.KindMap, workflow.KindTimer}}, []workflow.ID{b.ID}},
	} {
		for _, limit := range []int{1, 2, 10} {
			test.filter.Limit = limit
			f.equal(fmt.Sprintf("%s, %d at a time", test.name, limit), f.taskList(test.filter), test.want)
		}
	}
}

// taskList reads a list of tasks to its end.
func (f *fixture) taskList(filter db.TaskFilter) (ids []workflow.ID) {
	f.Helper()
	for range 50 {
		page, err := f.store.Tasks(f.ctx, filter)
		f.ok(err)
		if len(page.Tasks) > filter.Limit {
			f.Fatalf("a page of %d has %d tasks", filter.Limit, len(page.Tasks))
		}
		for _, t := range page.Tasks {
			ids = append(ids, t.ID)
		}
		if filter.After = page.Next; page.Next == nil {
			return ids
		}
	}
	f.Fatal("the list has no end")
	return nil
}

// Of lists by state, a page looks at so many executions, and then says where to go on.
func openTasksAreFoundBehindMany(f *fixture) {
	_, first := f.start("first")
	f.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
		for range 2100 {
			e, root := newExecution("f", l.Now)
			waiting(e, root)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
		}
	})
	filter := db.TaskFilter{Limit: 10, States: []workflow.TaskState{workflow.TaskPending}}
	page, err := f.store.Tasks(f.ctx, filter)
	f.ok(err)
	f.equal("the first page", []any{len(page.Tasks), page.Next != nil}, []any{0, true})
	f.equal("all", f.taskList(filter), []workflow.ID{first.ID})
}

func sweptTasksSayWhy(f *fixture) {
	e, root := f.start("f", waiting)
	failed := newChild(root, "failed", func(t *workflow.Task) { t.Error = &workflow.Error{Type: "x", Message: "y"} })
	open := newChild(root, "open")
	f.add(failed, open)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: e.ID, Under: root.ID}}
	})
	f.equal("errors", []*workflow.Error{f.task(open.ID).Error, f.task(failed.ID).Error},
		[]*workflow.Error{workflow.SweptError(), {Type: "x", Message: "y"}})
	f.equal("listed", f.taskList(db.TaskFilter{Limit: 10, States: []workflow.TaskState{workflow.TaskCancelled}}), []workflow.ID{open.ID, failed.ID})
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
	f.equal("steps", f.progress(e.ID), []string{"first", "map", "later"})
	steps := f.overview(e.ID).Progress
	f.equal("times", []any{steps[0].StartedAt, steps[0].CompletedAt}, []any{at(1), at(2)})
}

// progressIsOfTheNewestRuns has steps of two runs at the top, of two of a sub-workflow,
// and of workflows that are items of a map.
func progressIsOfTheNewestRuns(f *fixture) {
	e, root := f.start("f", waiting, func(_ *workflow.Execution, root *workflow.Task) { root.Run = 1 })
	inRun := func(run int) func(*workflow.Task) { return func(t *workflow.Task) { t.ParentRun = run } }
	past := newChild(root, "past", isOrchestrator, inRun(0))
	sub := newChild(root, "sub", isOrchestrator, func(t *workflow.Task) { t.Run = 2 })
	m := newChild(root, "map", isMap)
	items := newItems(m, 2)
	for _, item := range items {
		isOrchestrator(item)
	}
	f.add(past, newChild(past, "beneath past"), newChild(root, "taken back", inRun(-3)), sub, newChild(sub, "past in sub", inRun(1)),
		newChild(sub, "in sub", inRun(2)), m, items[0], items[1], newChild(items[1], "in item"))
	keys := f.progress(e.ID)
	slices.Sort(keys)
	f.equal("steps", keys, []string{"in item", "in sub", "map", "sub"})
}

func (f *fixture) progress(id workflow.ID) (keys []string) {
	f.Helper()
	for _, step := range f.overview(id).Progress {
		keys = append(keys, step.Key)
	}
	return keys
}

func notFound(f *fixture) {
	_, err := f.store.Execution(f.ctx, newID())
	f.is(err, db.ErrNotFound)
	_, _, err = f.store.Task(f.ctx, newID())
	f.is(err, db.ErrNotFound)
	_, err = f.store.Overview(f.ctx, newID())
	f.is(err, db.ErrNotFound)
}

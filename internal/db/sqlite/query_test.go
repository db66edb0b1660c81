package sqlite_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestFiltersOfOneFieldAreAlternativesAndFieldsAddUp(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	at := time.UnixMilli(1 << 40).UTC() // which is what newID makes ids of
	var all []workflow.ID
	_, err := store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		c := &workflow.Change{Now: l.Now}
		for i := range 6 {
			e, root := newExecution(fmt.Sprintf("f%d", i%3), at.Add(time.Duration(i)*time.Minute))
			e.Queue, root.Queue = fmt.Sprintf("q%d", i%2), fmt.Sprintf("q%d", i%2)
			e.Tags = []string{"all", fmt.Sprintf("t%d", i)}
			if i == 5 {
				e.State, root.State = workflow.ExecutionCompleted, workflow.TaskCompleted
			}
			all = append(all, e.ID)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
		}
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	after, before := at.Add(time.Minute), at.Add(4*time.Minute)
	for name, test := range map[string]struct {
		filter db.ExecutionFilter
		want   []int
	}{
		"none":     {db.ExecutionFilter{}, []int{5, 4, 3, 2, 1, 0}},
		"page":     {db.ExecutionFilter{Page: db.Page{Limit: 2, Before: all[3]}}, []int{2, 1}},
		"states":   {db.ExecutionFilter{States: []workflow.ExecutionState{workflow.ExecutionCompleted, workflow.ExecutionFailed}}, []int{5}},
		"function": {db.ExecutionFilter{Functions: []string{"f0", "f1", "nobody's"}, Queues: []string{"q1"}}, []int{3, 1}},
		"tags":     {db.ExecutionFilter{Tags: []string{"t1", "t4"}}, []int{4, 1}},
		"times":    {db.ExecutionFilter{CreatedAfter: &after, CreatedBefore: &before, Queues: []string{"q0"}}, []int{2}},
		"nothing":  {db.ExecutionFilter{Tags: []string{"'"}}, nil},
	} {
		if test.filter.Limit == 0 {
			test.filter.Limit = 10
		}
		found, err := store.Executions(t.Context(), test.filter)
		var got []int
		for _, e := range found {
			got = append(got, slices.Index(all, e.ID))
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: found %v, %v; want %v", name, got, err, test.want)
		}
	}
	page, err := store.Tasks(t.Context(), db.TaskFilter{
		Limit: 10, States: []workflow.TaskState{workflow.TaskPending}, Queues: []string{"q1"},
		Functions: []string{"f0", "f1"}, Kinds: []workflow.Kind{workflow.KindActivity},
	})
	if err != nil || len(page.Tasks) != 2 || page.Tasks[0].Execution != all[3] || page.Tasks[1].Execution != all[1] {
		t.Errorf("found tasks %+v, %v", page, err)
	}
	states, err := store.States(t.Context(), []workflow.ID{all[0], all[5], newID()})
	if err != nil || len(states) != 2 || states[all[0]] != workflow.ExecutionPending || states[all[5]] != workflow.ExecutionCompleted {
		t.Errorf("states are %v, %v", states, err)
	}
}

func TestAStartIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	event := workflow.Start{
		Execution: &workflow.Execution{Function: "f", IdempotencyKey: "key", RequestHash: []byte{1}}, Function: registry{}.Lookup("f", nil),
	}
	first, _ := s.happen(event)
	second, _ := s.happen(event, event)
	for _, v := range second {
		if !v.Replayed || v.Execution.ID != first[0].Execution.ID {
			t.Errorf("the same start gave %+v", v)
		}
	}
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// maxTasks bounds how many tasks of an execution are read for its tree, the newest ones.
const maxTasks = 20_000

// maxExplained bounds for how many tasks the failed attempts are read.
const maxExplained = 20

func (s *session) showCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "show EXECUTION",
		Short: "Show an execution and the tree of its steps",
		Long: `Shows an execution and the tree of its steps: how long each took, its attempts, what it
waits for, why it failed. Steps of sub-workflows and items of maps stand beneath theirs; of
a map with many items, those are shown that failed or are under way, and steps of earlier
runs, from before a restart or continue-as-new, are only counted; --all shows them.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.executions(1),
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "show every item of every map, the steps of earlier runs, and values in full")
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		e, err := s.client.Get(ctx, args[0])
		if err == nil && e.ID == "" {
			err = s.stranger()
		}
		if err != nil {
			return err
		}
		return s.show(func() error {
			tasks, more, err := s.tasksOf(ctx, e.ID)
			if err != nil {
				return err
			}
			top := grow(tasks)
			if err := s.explainDue(ctx, e, top); err != nil {
				return err
			}
			attempts, err := s.failedAttempts(ctx, draw(top, nil, all))
			if err != nil {
				return err
			}
			return s.writeExecution(e, tasks, draw(top, attempts, all), all, more)
		})
	})
	return cmd
}

// tasksOf reads the tasks of an execution, and tells whether there are more than maxTasks.
func (s *session) tasksOf(ctx context.Context, id string) (tasks []durable.TaskInfo, more bool, err error) {
	part := durable.Part{Limit: maxLimit}
	for {
		page, err := s.client.ExecutionTasks(ctx, id, durable.TaskFilter{}, part)
		if err != nil {
			return nil, false, err
		}
		tasks = append(tasks, page.Items...)
		if page.NextCursor == "" || len(tasks) >= maxTasks {
			return tasks, page.NextCursor != "", nil
		}
		part.Cursor = page.NextCursor
	}
}

// failedAttempts reads the failed attempts of the tasks on these lines that had some,
// those first that have not succeeded since.
func (s *session) failedAttempts(ctx context.Context, lines []line) (map[string][]durable.Attempt, error) {
	var of []string
	for _, settled := range []bool{false, true} {
		for _, l := range lines {
			if l.node == nil {
				continue
			}
			t := l.node.task
			lost := t.Kind == "activity" && t.Attempt > 1 // or failed
			if (lost || t.Retries > 0 || t.State == "failed" && t.Attempt > 0) && (t.State == "completed") == settled {
				of = append(of, t.ID)
			}
		}
	}
	attempts := map[string][]durable.Attempt{}
	for _, id := range of[:min(len(of), maxExplained)] {
		t, err := s.client.Task(ctx, id)
		if err != nil {
			return nil, err
		}
		attempts[id] = t.Attempts
	}
	return attempts, nil
}

// writeExecution writes all there is to see of an execution.
func (s *session) writeExecution(e *durable.Execution, tasks []durable.TaskInfo, lines []line, all, more bool) error {
	text := s.heading(e, runsBefore(tasks), all) + "\n\n"
	if len(lines) > 0 {
		text += s.stepTable(e, lines, all).String() + "\n"
	} else {
		text += "No step has begun.\n"
	}
	if more {
		text += fmt.Sprintf("It has more than %d tasks; only the newest are shown.\n", maxTasks)
	}
	_, err := fmt.Fprint(s.Out, text)
	s.sayIfStuck(e.State, e.CancelRequested, e.ID)
	return err
}

// runsBefore is how often the execution has begun anew, as far as its tasks tell.
func runsBefore(tasks []durable.TaskInfo) int {
	for i := range tasks {
		if ownTask(&tasks[i]) {
			return tasks[i].Run
		}
	}
	return 0
}

// heading writes what there is to say of an execution beside its steps.
func (s *session) heading(e *durable.Execution, begunAnew int, all bool) string {
	most := 200
	if all {
		most = 1 << 30
	}
	at, l := stateOf(e), s.listing()
	add := func(name, text string, p paint) { l.add(name, cut(text, most), p) }
	add("execution", e.ID, plain)
	add("function", join(" version ", e.Function, e.Version), bold)
	add("state", at.text, at.paint)
	add("created", fmt.Sprintf("%s (%s ago)", s.clock(e.CreatedAt), s.age(e.CreatedAt)), plain)
	add("took", s.took(e.StartedAt, e.CompletedAt), plain)
	if begunAnew > 0 {
		add("begun anew", count(begunAnew, "time", "times")+", by a restart or as it continued as new", plain)
	}
	if e.DeadlineAt != nil && !e.State.Terminal() {
		add("deadline", s.until(*e.DeadlineAt), plain)
	}
	add("queue", e.Queue, plain)
	if e.Priority != 0 {
		add("priority", fmt.Sprint(e.Priority), plain)
	}
	add("tags", strings.Join(e.Tags, ", "), plain)
	add("retries", some(e.Retries), plain)
	add("input", value(e.Input), plain)
	add("counters", counters(e.Counters), plain)
	add("custom state", members(e.CustomState), plain)
	add("result", value(e.Result), plain)
	add("error", executionFailure(e.Error), red)
	return l.String()
}

// value writes a JSON value; null is not worth a line.
func value(v json.RawMessage) string {
	if absent(v) {
		return ""
	}
	return compact(v)
}

func counters(of map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s=%d", name, of[name]))
	}
	return strings.Join(parts, " ")
}

func members(of map[string]json.RawMessage) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, name+"="+compact(of[name]))
	}
	return strings.Join(parts, " ")
}

package db

import "github.com/stent-dev/stent/internal/workflow"

// CountedUpTo is how many of a kind are counted: a cost that does not grow.
const CountedUpTo = 10_000

// Count is how many there are of something.
type Count struct {
	N         int64
	Estimated bool // by what is known of a part, or by the database's own statistics
}

// Stats are the executions and tasks of each state that has any.
type Stats struct {
	Executions map[workflow.ExecutionState]Count
	Tasks      map[workflow.TaskState]Count
}

// OpenSample is what is known of some open executions: how many they are, and how
// many open tasks of each state they have.
type OpenSample struct {
	Executions int64
	Tasks      map[workflow.TaskState]int64
}

// Extrapolate sets the open tasks by a sample of open executions, of which the stats
// know how many there are.
func (s *Stats) Extrapolate(sample OpenSample) {
	var open Count
	for _, state := range OpenStates() {
		c := s.Executions[state]
		open.N += c.N
		open.Estimated = open.Estimated || c.Estimated
	}
	for state, n := range sample.Tasks {
		count := Count{N: n, Estimated: open.Estimated || open.N > sample.Executions}
		if count.Estimated && sample.Executions > 0 {
			count.N = n * max(open.N, sample.Executions) / sample.Executions
		}
		s.Tasks[state] = count
	}
}

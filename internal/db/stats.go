package db

import "github.com/stent-dev/stent/internal/workflow"

// CountedUpTo is how many of a kind are counted: a cost that does not grow.
const CountedUpTo = 10_000

// Count is how many there are of something.
type Count struct {
	N         int64
	Estimated bool // by what is known of a part, or by the database's own statistics
}

// Stats are the executions and tasks of each state that has any, and dead letters.
type Stats struct {
	Executions  map[workflow.ExecutionState]Count
	Tasks       map[workflow.TaskState]Count
	DeadLetters Count
}

// OpenSample is what is known of some executions of an open state: how many they are,
// and how many open tasks of each state they have.
type OpenSample struct {
	Executions int64
	Tasks      map[workflow.TaskState]int64
}

// Extrapolate sets the open tasks by samples of open executions, of which the stats
// know how many there are.
func (s *Stats) Extrapolate(samples map[workflow.ExecutionState]OpenSample) {
	for state, sample := range samples {
		open := s.Executions[state]
		part := open.Estimated || open.N > sample.Executions
		for state, n := range sample.Tasks {
			if part && sample.Executions > 0 {
				n = n * max(open.N, sample.Executions) / sample.Executions
			}
			count := s.Tasks[state]
			s.Tasks[state] = Count{N: count.N + n, Estimated: count.Estimated || part}
		}
	}
}

package wire

// The operations of commands and of the steps that they become.
const (
	OpCall       = "call"
	OpMap        = "map"
	OpSleep      = "sleep"
	OpWaitSignal = "wait_signal"
	OpLocal      = "local"
	OpCancel     = "cancel"
	OpDispatch   = "dispatch"
	OpVersion    = "version"
	OpCounter    = "counter"
	OpState      = "state"
)

// The statuses of a step that has settled. A step with another status is open.
const (
	StatusCompleted = "completed"
	StatusFailed    = "failed"
	StatusCancelled = "cancelled"
)

// Settled tells whether the step has its final status.
func (s *Step) Settled() bool {
	switch s.Status {
	case StatusCompleted, StatusFailed, StatusCancelled:
		return true
	}
	return false
}

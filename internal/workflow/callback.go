package workflow

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// callbackRetry is how a callback that failed is tried again.
var callbackRetry = RetryPolicy{MaxAttempts: 10, InitialDelay: time.Second, BackoffFactor: 2, MaxDelay: 5 * time.Minute, Jitter: 0.1}

// CallbackLife is how long an execution's callback waits for a receiver that
// cannot be connected to, which costs no attempts.
const CallbackLife = 72 * time.Hour

// CallbackInput is the input of a task that calls an execution's callback URL. The
// execution itself is read when it is delivered.
type CallbackInput struct {
	Event string `json:"event"` // execution.completed, .failed, .timed_out or .cancelled
}

// callback makes the task that tells an execution's callback URL how it ended. It
// is no step of the execution, which has ended: no sweep takes it along.
func (d *decision) callback(e *Execution) {
	if e.CallbackURL == "" {
		return
	}
	input, _ := json.Marshal(CallbackInput{Event: "execution." + string(e.State)}) // of a text, has no error
	t := &Task{
		Namespace: e.Namespace, ID: d.env.NewID(), Execution: e.ID, Key: "callback", Op: OpCallback, Name: receiver(e.CallbackURL),
		Queue: DefaultQueue, Priority: e.Priority, Input: input, CreatedAt: d.now, Kind: KindActivity,
	}
	d.add(t)
	d.release(t, d.now)
}

// maxReceiver bounds the name of a receiver, which databases index, in bytes. A
// host that is longer has no address.
const maxReceiver = 300

// receiver names what a callback URL calls: its scheme, host and port, without
// the user and the path, which may be secret.
func receiver(callbackURL string) string {
	u, err := url.Parse(callbackURL)
	if err != nil || u.Host == "" {
		return "invalid"
	}
	name := u.Scheme + "://" + strings.ToLower(u.Host)
	if len(name) > maxReceiver {
		return "invalid"
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// callbackLane begins the lanes of callbacks. No function's name has a control character.
const callbackLane = "\x01"

// Lane is what claims take or pass over together: the tasks of a function, or the
// callbacks to a receiver; "" for tasks that are not delivered, or of which the time
// of an attempt is up.
func (t *Task) Lane() string {
	switch {
	case t.Queue == "", t.State != TaskPending && t.DueAt != nil:
		return ""
	case t.Op == OpCallback:
		return callbackLane + t.Name
	}
	return t.Name
}

// Receiver gives the scheme, host and port that a lane of callbacks is for; ok is
// false for a lane of any other tasks.
func Receiver(lane string) (origin string, ok bool) { return strings.CutPrefix(lane, callbackLane) }

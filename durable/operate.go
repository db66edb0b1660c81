package durable

import (
	"context"
	"net/http"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// Stats are the numbers of the service as a whole.
type Stats struct {
	Executions  StateCounts `json:"executions"`
	Tasks       StateCounts `json:"tasks"`
	Queues      []QueueInfo `json:"queues"`
	DeadLetters int64       `json:"dead_letters"`
	// DeadLettersEstimated says that there are so many dead letters that they are not counted.
	DeadLettersEstimated bool `json:"dead_letters_estimated"`
}

// StateCounts says how many there are in each state.
type StateCounts struct {
	Total     int64            `json:"total"`
	ByState   map[string]int64 `json:"by_state"`
	Estimated []string         `json:"estimated"` // the states of which there are so many that they are not counted
}

// Stats reads the numbers of the service as a whole.
func (c *Client) Stats(ctx context.Context) (*Stats, error) {
	var s Stats
	if err := c.do(ctx, request{method: http.MethodGet, path: "/v1/stats"}, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// Cleanup says what to delete.
type Cleanup struct {
	OlderThan   time.Duration // what ended that long ago or longer
	Executions  bool
	DeadLetters bool
	DryRun      bool // delete nothing, and tell what would be deleted
}

// Cleaned is how much was deleted, or would be.
type Cleaned struct {
	Executions  int64 `json:"executions"`
	DeadLetters int64 `json:"dead_letters"` // without those that went with their executions
	More        bool  `json:"more"`         // there was no time for all
}

// Cleanup deletes executions that have ended, whatever the retention of their
// functions, with all that belongs to them, and dead letters. It takes 30 s at most.
func (c *Client) Cleanup(ctx context.Context, what Cleanup) (*Cleaned, error) {
	body := map[string]any{
		"older_than": wire.FormatDuration(what.OlderThan), "executions": what.Executions, "dead_letters": what.DeadLetters, "dry_run": what.DryRun,
	}
	var out Cleaned
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/cleanup", body: body}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Bulk says which executions to act on at once.
type Bulk struct {
	Filter ExecutionFilter
	Limit  int        // the most to act on; 0: 1,000
	DryRun bool       // do nothing, and tell how many are selected
	Mode   CancelMode // of CancelAll; empty: Graceful
}

// BulkDone is what became of executions that were acted on at once.
type BulkDone struct {
	Matched  int  `json:"matched"`
	Affected int  `json:"affected"`
	More     bool `json:"more"` // the filter selects more than the limit let through
}

// CancelAll cancels the executions that a filter selects.
func (c *Client) CancelAll(ctx context.Context, which Bulk) (*BulkDone, error) {
	return c.bulk(ctx, "cancel", which)
}

// PauseAll pauses the executions that a filter selects.
func (c *Client) PauseAll(ctx context.Context, which Bulk) (*BulkDone, error) {
	return c.bulk(ctx, "pause", which)
}

// ResumeAll resumes the executions that a filter selects.
func (c *Client) ResumeAll(ctx context.Context, which Bulk) (*BulkDone, error) {
	return c.bulk(ctx, "resume", which)
}

// RestartAll restarts the executions that a filter selects from their beginning.
func (c *Client) RestartAll(ctx context.Context, which Bulk) (*BulkDone, error) {
	return c.bulk(ctx, "restart", which)
}

func (c *Client) bulk(ctx context.Context, action string, which Bulk) (*BulkDone, error) {
	body := struct {
		Filter ExecutionFilter `json:"filter"`
		Limit  int             `json:"limit,omitempty"`
		DryRun bool            `json:"dry_run"`
		Mode   CancelMode      `json:"mode,omitempty"`
	}{which.Filter, which.Limit, which.DryRun, which.Mode}
	var out BulkDone
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/executions/" + action, body: body}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

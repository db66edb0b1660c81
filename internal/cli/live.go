package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
)

const (
	frame = 100 * time.Millisecond // screens are drawn at most that often
	tick  = time.Second            // and that often without a change: times go on
)

// watchOnScreen follows an execution on a live screen, and leaves its end behind.
func (s *session) watchOnScreen(ctx context.Context, path string, w *watched) error {
	a := animation{session: s, watched: w, events: make(chan event), losses: make(chan error), done: make(chan error, 1)}
	go func() { a.done <- s.follow(ctx, path, a.take(ctx), a.lose(ctx)) }()
	show := openScreen(s.Terminal)
	err := a.run(show)
	show.close()
	if err != nil {
		return err
	}
	return s.writeExecution(&w.execution, w.list(), nil, false, false)
}

// animation draws an execution while its events come.
type animation struct {
	*session
	*watched
	events chan event
	losses chan error
	done   chan error // the end of the stream
}

// take hands events over to run.
func (a *animation) take(ctx context.Context) func(event) error {
	return func(e event) error {
		if e.name == "end" {
			return errEnd
		}
		return hand(ctx, a.events, e)
	}
}

// lose hands over that the connection is lost, or back.
func (a *animation) lose(ctx context.Context) func(error) {
	return func(err error) { _ = hand(ctx, a.losses, err) } // which is interrupted, if not taken
}

// hand gives something over, unless the command is interrupted.
func hand[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run draws until the stream is done. An event that cannot be understood is the
// last one that counts, and is told then.
func (a *animation) run(show *screen) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var due <-chan time.Time // when what has changed is drawn
	var misunderstood error
	for {
		select {
		case e := <-a.events:
			misunderstood = cmp.Or(misunderstood, a.apply(e))
		case a.lost = <-a.losses:
		case err := <-a.done:
			return errors.Join(err, misunderstood)
		case <-ticker.C:
			show.draw(a.frame())
			continue
		case <-due:
			due = nil
			show.draw(a.frame())
			continue
		}
		if due == nil {
			due = time.After(frame)
		}
	}
}

// frame is the screen of an execution: what it is, and as much of the end of its
// tree as fits.
func (a *animation) frame() string {
	e := &a.execution
	width, rows := a.Size()
	if e.ID == "" {
		return "Waiting for Stent at " + clean(a.url)
	}
	title := grid{style: a.style, width: width}
	title.add(in(bold, e.Function), in(plain, e.ID), stateOf(e), in(plain, a.took(e.StartedAt, e.CompletedAt)))
	facts := a.listing()
	facts.width = width
	facts.add("error", executionFailure(e.Error), red)
	facts.add("counters", counters(e.Counters), plain)
	facts.add("custom state", members(e.CustomState), plain)
	head := join("\n", title.String(), facts.String())

	const around = 5 // lines beside the head and the tree: blank ones, the tree's header, the foot
	lines := draw(grow(a.list()), nil, false)
	if room := max(rows-strings.Count(head, "\n")-1-around, 1); len(lines) > room {
		hidden := len(lines) - room
		lines = append([]line{{text: "… " + count(hidden, "line", "lines") + " before"}}, lines[hidden:]...)
	}
	foot := "Ctrl-C leaves; the execution goes on."
	if a.lost != nil {
		foot = "Trying to reach Stent again: " + a.lost.Error()
	}
	return head + "\n\n" + a.stepTable(e, lines).String() + "\n\n" + a.style.in(dim, clean(cut(foot, width)))
}

const (
	pollAll  = 2 * time.Second        // how often a list is read anew without a hint
	afterOne = 500 * time.Millisecond // how soon after the last time with one
)

// watchAll follows the executions that a filter selects, until it is interrupted,
// which is its ordinary end.
func (s *session) watchAll(ctx context.Context, f durable.ExecutionFilter) error {
	hints := make(chan struct{}, 1)
	hinting, stop := context.WithCancel(ctx)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		// Hints hasten, polling is correct: whatever becomes of the stream, the list is read.
		_ = s.follow(hinting, "/v1/events", func(event) error {
			select {
			case hints <- struct{}{}:
			default:
			}
			return nil
		}, func(error) {})
	}()
	defer func() { stop(); <-heard }()
	var render func(*durable.Page[durable.Execution]) error
	limit := 20
	if s.output != outputJSON && s.Screen {
		show := openScreen(s.Terminal)
		defer show.close()
		render = func(page *durable.Page[durable.Execution]) error {
			show.draw(s.overviewFrame(ctx, page))
			return nil
		}
		_, rows := s.Size()
		limit = min(max(rows-5, 1), maxLimit)
	} else {
		render = s.changesOf()
	}
	for {
		page, err := s.client.Executions(ctx, f, durable.Part{Limit: limit})
		if err == nil {
			err = render(page)
		}
		if err != nil {
			return unlessInterrupted(ctx, err)
		}
		if !pause(ctx, hints) {
			return nil
		}
	}
}

// unlessInterrupted takes the error away that comes of Ctrl-C.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// pause waits until it is time to read a list again; false: it was interrupted.
func pause(ctx context.Context, hints <-chan struct{}) bool {
	soon, late := time.NewTimer(afterOne), time.NewTimer(pollAll)
	defer soon.Stop()
	defer late.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-soon.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-hints:
	case <-late.C:
	}
	return true
}

// changesOf writes each execution whose state is new as a line, the oldest first.
func (s *session) changesOf() func(*durable.Page[durable.Execution]) error {
	lines := lineWriter{session: s, told: map[string]string{}}
	return func(page *durable.Page[durable.Execution]) error {
		var raw struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(s.recorder.last.Bytes(), &raw); err != nil {
			return err
		}
		for i := len(page.Items) - 1; i >= 0; i-- {
			e := &page.Items[i]
			at := stateOf(e)
			switch {
			case s.output != outputJSON:
				lines.line(e.ID, e.ID+"  "+e.Function, at, cell{executionFailure(e.Error), red})
			case lines.told[e.ID] != at.text:
				lines.told[e.ID] = at.text
				fmt.Fprintln(s.Out, compact(raw.Items[i]))
			}
		}
		return nil
	}
}

// overviewFrame is the screen of all executions.
func (s *session) overviewFrame(ctx context.Context, page *durable.Page[durable.Execution]) string {
	width, _ := s.Size()
	head := s.style.in(bold, "Stent") + " at " + clean(s.url) + "  " + s.Now().Format(time.TimeOnly)
	if stats, err := s.client.Stats(ctx); err == nil { // what it has to say is not essential
		var parts []string
		for _, name := range executionStates {
			if n := stats.Executions.ByState[name]; n > 0 {
				parts = append(parts, s.style.in(statePaints[name], fmt.Sprintf("%d %s", n, name)))
			}
		}
		if stats.DeadLetters > 0 {
			parts = append(parts, s.style.in(red, count(int(stats.DeadLetters), "dead letter", "dead letters")))
		}
		head += "\n" + strings.Join(parts, "  ")
	}
	body := "There are no executions."
	if len(page.Items) > 0 {
		body = s.executionTable(page.Items).String()
	}
	return head + "\n\n" + body + "\n" + s.style.in(dim, cut("Ctrl-C leaves.", width))
}

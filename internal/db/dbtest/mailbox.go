package dbtest

import (
	"encoding/json"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var mailbox = map[string]func(*fixture){
	"MailboxGivesUntakenSignalsOldestFirst": mailboxIsOldestFirst,
	"SignalsAreListedNewestFirst":           signalsAreListed,
	"SignalsAreFoundByTheirKeys":            signalsByKey,
	"KeyOfASignalIsUniqueInItsExecution":    keyIsUnique,
	"CountersAndStateKeepTheLastValue":      lastValueWins,
}

func newSignal(execution workflow.ID, seq int64, name string) *workflow.Signal {
	return &workflow.Signal{
		ID: newID(), Execution: execution, Name: name, Seq: seq, Payload: json.RawMessage(` {"n" :1}`), ReceivedAt: *at(int(seq)),
	}
}

func mailboxIsOldestFirst(f *fixture) {
	e, root := f.start("f", waiting)
	other, _ := f.start("f", waiting)
	s := []*workflow.Signal{newSignal(e.ID, 1, "go"), newSignal(e.ID, 2, "stop"), newSignal(e.ID, 3, "go"), newSignal(e.ID, 4, "go")}
	taken := newSignal(e.ID, 5, "go")
	taken.TakenBy = root.ID
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewSignals = []*workflow.Signal{s[3], taken, s[2], s[1], s[0], newSignal(other.ID, 1, "go")}
	})
	need := workflow.Need{Executions: []workflow.ID{e.ID}, Mailbox: []workflow.NameRef{
		{Execution: e.ID, Name: "go"}, {Execution: e.ID, Name: "go"}, {Execution: e.ID, Name: "none"},
	}}
	f.equal("mailbox", f.load(need).Signals, []*workflow.Signal{s[0], s[2], s[3]})
	f.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		l.Signals[0].TakenBy = root.ID
		c.Taken = l.Signals[:1]
	})
	f.equal("after one was taken", f.load(need).Signals, []*workflow.Signal{s[2], s[3]})
}

func signalsAreListed(f *fixture) {
	e, root := f.start("f", waiting)
	a, b, c := newSignal(e.ID, 1, "x"), newSignal(e.ID, 2, "y"), newSignal(e.ID, 3, "x")
	b.TakenBy = root.ID
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, change *workflow.Change) { change.NewSignals = []*workflow.Signal{a, b, c} })
	page, err := f.store.Signals(f.ctx, e.ID, db.Page{Limit: 2})
	f.ok(err)
	f.equal("first page", page, []*workflow.Signal{c, b})
	page, err = f.store.Signals(f.ctx, e.ID, db.Page{Limit: 2, Before: b.ID})
	f.ok(err)
	f.equal("second page", page, []*workflow.Signal{a})
}

func withKey(s *workflow.Signal, key string) *workflow.Signal {
	s.IdempotencyKey, s.RequestHash = key, []byte{0, 1, 255}
	return s
}

func signalsByKey(f *fixture) {
	e, root := f.start("f", waiting)
	other, _ := f.start("f", waiting)
	a, b := withKey(newSignal(e.ID, 1, "x"), "a"), withKey(newSignal(e.ID, 2, "y"), "b")
	b.TakenBy = root.ID
	elsewhere := withKey(newSignal(other.ID, 1, "x"), "a")
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewSignals = []*workflow.Signal{a, b, newSignal(e.ID, 3, "x"), elsewhere}
	})
	ref := func(execution workflow.ID, key string) workflow.NameRef {
		return workflow.NameRef{Execution: execution, Name: key}
	}
	loaded := f.load(workflow.Need{Sent: []workflow.NameRef{ref(e.ID, "a"), ref(e.ID, "none"), ref(e.ID, "a"), ref(e.ID, "")}})
	f.equal("buffered", loaded.Sent, []*workflow.Signal{a})
	f.equal("taken", f.load(workflow.Need{Sent: []workflow.NameRef{ref(e.ID, "b")}}).Sent, []*workflow.Signal{b})
	f.equal("of the other", f.load(workflow.Need{Sent: []workflow.NameRef{ref(other.ID, "a")}}).Sent, []*workflow.Signal{elsewhere})
	f.equal("mailbox", f.load(workflow.Need{Sent: []workflow.NameRef{ref(e.ID, "a")}}).Signals, []*workflow.Signal(nil))
}

func keyIsUnique(f *fixture) {
	e, _ := f.start("f", waiting)
	send := func(seq int64, key string) error {
		_, err := f.tryCommit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
			c.NewSignals = []*workflow.Signal{withKey(newSignal(e.ID, seq, "x"), key)}
		})
		return err
	}
	f.ok(send(1, "a"))
	f.is(send(2, "a"), db.ErrConflict)
	f.ok(send(2, "b"))
	f.ok(send(3, ""))
	f.ok(send(4, ""))
}

func lastValueWins(f *fixture) {
	e, _ := f.start("f")
	entry := func(key, value string) workflow.StateEntry {
		return workflow.StateEntry{Execution: e.ID, Key: key, Value: json.RawMessage(value)}
	}
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "b", Value: 1}, {Execution: e.ID, Name: "a", Value: -5}}
		c.State = []workflow.StateEntry{entry("k", `1`), entry("j", `{ }`), entry("k", `2`)}
	})
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "b", Value: 1 << 62}}
		c.State = []workflow.StateEntry{entry("k", `3`)}
	})
	overview := f.overview(e.ID)
	f.equal("counters", overview.Counters, []workflow.Counter{{Execution: e.ID, Name: "a", Value: -5}, {Execution: e.ID, Name: "b", Value: 1 << 62}})
	f.equal("state", overview.State, []workflow.StateEntry{entry("j", `{ }`), entry("k", `3`)})
	f.equal("loaded", f.load(workflow.Need{Counters: []workflow.NameRef{{Execution: e.ID, Name: "b"}, {Execution: e.ID, Name: "none"}}}).Counters,
		[]workflow.Counter{{Execution: e.ID, Name: "b", Value: 1 << 62}})
}

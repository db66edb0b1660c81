package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
)

// writer is the one connection that writes. Who holds the turn may use it.
type writer struct {
	turn     chan struct{} // one token, held while it is used
	closed   bool          // guarded by turn
	pool     *sql.DB
	conn     *sql.Conn
	queries  *dbsqlc.Queries
	begin    *sql.Stmt
	commit   *sql.Stmt
	rollback *sql.Stmt
}

// newWriter takes over the pool, also when it fails.
func newWriter(ctx context.Context, pool *sql.DB) (_ *writer, err error) {
	w := &writer{turn: make(chan struct{}, 1), pool: pool}
	defer func() {
		if err != nil {
			err = errors.Join(translate("preparing to write", err), w.close())
		}
	}()
	if w.conn, err = pool.Conn(ctx); err != nil {
		return nil, err
	}
	if w.queries, err = dbsqlc.Prepare(ctx, w.conn); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{{&w.begin, "BEGIN IMMEDIATE"}, {&w.commit, "COMMIT"}, {&w.rollback, "ROLLBACK"}} {
		if *s.stmt, err = w.conn.PrepareContext(ctx, s.text); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *writer) close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	w.closed = true
	var errs []error
	for _, stmt := range []*sql.Stmt{w.begin, w.commit, w.rollback} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	if w.queries != nil {
		errs = append(errs, w.queries.Close())
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.pool.Close())...)
}

// take waits for the turn. Who took it gives it back with leave.
func (w *writer) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // select takes either case when both are ready
	}
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.closed {
		w.leave()
		return errClosed
	}
	return nil
}

func (w *writer) leave() { <-w.turn }

// errNothing ends a transaction that has nothing to store.
var errNothing = errors.New("nothing to store")

// transaction is one immediate transaction: everything in it is at one time, which is
// later than that of every one before.
type transaction struct {
	*dbsqlc.Queries
	now  time.Time
	tick func() time.Time // later and later moments, for what has an order within the transaction
}

// us is the transaction's time as it is stored.
func (t *transaction) us() int64 { return t.now.UnixMicro() }

// write runs do in a transaction, which is committed when do gives no error and
// rolled back otherwise, also when it panics. With errNothing it is rolled back
// without that being an error.
//
// Once begun, it does not heed ctx: it is short, and to watch a context costs the
// driver a goroutine for each statement.
func (s *Store) write(ctx context.Context, op string, do func(context.Context, *transaction) error) error {
	w := s.writer
	if err := w.take(ctx); err != nil {
		return translate(op, err)
	}
	defer w.leave()
	ctx = context.WithoutCancel(ctx)
	committed := false
	defer func() {
		if !committed {
			// The error, if any, is that SQLite has rolled back by itself.
			_, _ = w.rollback.ExecContext(ctx)
		}
	}()
	if _, err := w.begin.ExecContext(ctx); err != nil {
		return translate(op, err)
	}
	err := do(ctx, &transaction{Queries: w.queries, now: s.clock.tick(), tick: s.clock.tick})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return translate(op, err)
	}
	if _, err := w.commit.ExecContext(ctx); err != nil {
		return translateCommit(op, err)
	}
	committed = true
	return nil
}

// view runs do on one snapshot of what is committed.
func (s *Store) view(ctx context.Context, op string, do func(context.Context, *dbsqlc.Queries) error) error {
	if s.readers == nil {
		if err := s.writer.take(ctx); err != nil {
			return translate(op, err)
		}
		defer s.writer.leave()
		return translate(op, do(ctx, s.writer.queries))
	}
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		defer func() { _ = tx.Rollback() }() // nothing was written
		err = do(ctx, s.reads.WithTx(tx))
	}
	if err != nil && s.closed.Load() {
		err = errClosed // database/sql has no name for its own
	}
	return translate(op, err)
}

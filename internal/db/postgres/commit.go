package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Commit implements db.Journal. A change that gathers maps takes a third round trip.
func (s *Store) Commit(
	ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error),
) (db.Saved, error) {
	pooled, err := s.commits.Acquire(ctx)
	if err != nil {
		return db.Saved{}, unavailable("committing", err)
	}
	defer pooled.Release()
	c := commit{conn: pooled.Conn()}
	defer c.end(ctx)

	loaded, err := c.load(ctx, need)
	if err != nil {
		return db.Saved{}, translate("loading", s.heard(err))
	}
	change, err := decide(loaded)
	if err != nil || change == nil || change.Empty() {
		return db.Saved{}, err
	}
	if err := c.save(ctx, change); err != nil {
		return db.Saved{}, s.heard(err)
	}
	return c.saved, nil
}

// commit is one transaction on one connection.
type commit struct {
	conn  *pgx.Conn
	saved db.Saved
}

func (c *commit) load(ctx context.Context, need workflow.Need) (*workflow.Loaded, error) {
	loaded := &workflow.Loaded{}
	_, err := send(ctx, c.conn, append([]statement{begin}, loading(need, loaded)...))
	return loaded, err
}

// begin starts a transaction. Each of its statements must see what was committed
// before it: what a lock was waited for is read after the lock is there.
func begin(ctx context.Context, q *queries) error {
	_, err := q.exec(ctx, "begin isolation level read committed")
	return err
}

var errRolledBack = errors.New("the server rolled back instead")

func commitNow(ctx context.Context, q *queries) error {
	tag, err := q.exec(ctx, "commit")
	if err == nil && tag.String() != "COMMIT" {
		return errRolledBack
	}
	return err
}

func (c *commit) save(ctx context.Context, change *workflow.Change) error {
	statements, err := c.saving(change)
	if err != nil {
		return fmt.Errorf("preparing what to save: %w", err)
	}
	if len(change.Gathers) > 0 {
		results, err := c.gather(ctx, statements, change.Gathers)
		if err != nil {
			return translate("saving", err)
		}
		statements = []statement{results}
	}
	statements = append(statements, holding(change)...)
	failed, err := send(ctx, c.conn, append(statements, commitNow))
	if err == nil {
		return nil
	}
	if unknown(err, failed >= len(statements)) {
		return fmt.Errorf("committing: %w: %w", db.ErrUnknown, err)
	}
	return translate("saving", err)
}

// gather carries out the statements and composes the results of maps of what their
// items then are. It gives the statement that stores them.
func (c *commit) gather(ctx context.Context, statements []statement, gathers []workflow.Gather) (statement, error) {
	items := make([][]workflow.Item, len(gathers))
	if _, err := send(ctx, c.conn, append(statements, gathering(gathers, items))); err != nil {
		return nil, err
	}
	ids := make([]workflow.ID, len(gathers))
	results := make([][]byte, len(gathers))
	for i, g := range gathers {
		ids[i], results[i] = g.Map, workflow.GatherItems(items[i], g.Collect)
	}
	return setResults(ids, results), nil
}

// end rolls back what has not been committed. It must happen even when the caller
// has given up; if it cannot, the pool closes the connection, to the same effect.
func (c *commit) end(ctx context.Context) {
	if c.conn.IsClosed() || c.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = c.conn.Exec(ctx, "rollback")
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
)

// statement runs exactly one generated query. It is called twice: first to queue
// the query with its arguments, when it gets errQueued, and then, all having been
// sent, to read its result. So it must do the same both times, and set what it
// found only when there was no error.
type statement func(ctx context.Context, q *queries) error

// queries are the generated queries, on a pipeline.
type queries struct {
	*dbsqlc.Queries
	pipe *pipeline
}

// exec runs a command that is not among the generated queries.
func (q *queries) exec(ctx context.Context, sql string) (pgconn.CommandTag, error) {
	return q.pipe.Exec(ctx, sql)
}

// errQueued is what a statement gets the first time.
var errQueued = errors.New("the statement was queued")

// pipeline lets generated queries, each of which would be a round trip, share one.
type pipeline struct {
	batch   pgx.Batch
	results pgx.BatchResults // nil while queueing
}

var _ dbsqlc.DBTX = (*pipeline)(nil)

func (p *pipeline) Exec(_ context.Context, sql string, arguments ...any) (pgconn.CommandTag, error) {
	if p.results == nil {
		p.batch.Queue(sql, arguments...)
		return pgconn.CommandTag{}, errQueued
	}
	return p.results.Exec()
}

func (p *pipeline) Query(_ context.Context, sql string, arguments ...any) (pgx.Rows, error) {
	if p.results == nil {
		p.batch.Queue(sql, arguments...)
		return nil, errQueued
	}
	return p.results.Query()
}

func (p *pipeline) QueryRow(_ context.Context, sql string, arguments ...any) pgx.Row {
	if p.results == nil {
		p.batch.Queue(sql, arguments...)
		return queuedRow{}
	}
	return p.results.QueryRow()
}

type queuedRow struct{}

func (queuedRow) Scan(...any) error { return errQueued }

// A connection that does not answer for longer than any statement may last is taken
// for dead, though nobody closed it.
const silenceTimeout = statementTimeout + 5*time.Second

// errSilent says that a connection was given up for it.
var errSilent = errors.New("the connection went silent")

// send runs statements in one round trip. Unless they say otherwise themselves,
// they are one transaction. With an error comes the index of the statement that
// failed: those before it were carried out, those after it were not.
func send(ctx context.Context, conn *pgx.Conn, statements []statement) (failed int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, silenceTimeout, errSilent)
	defer cancel()
	defer func() {
		if err != nil && context.Cause(ctx) == errSilent { //nolint:errorlint // a cause is the error itself
			err = fmt.Errorf("%w: %w", errSilent, err)
		}
	}()
	p := &pipeline{}
	q := &queries{Queries: dbsqlc.New(p), pipe: p}
	for i, statement := range statements {
		if err := statement(ctx, q); !errors.Is(err, errQueued) {
			return i, err
		}
	}
	p.results = conn.SendBatch(ctx, &p.batch)
	for i, statement := range statements {
		if err := statement(ctx, q); err != nil {
			_ = p.results.Close() // gives the same error again
			return i, err
		}
	}
	return len(statements), p.results.Close()
}

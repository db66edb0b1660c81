// Command seed fills an empty PostgreSQL database with executions, ten tasks each, as
// months of use would leave them: nearly all completed, some failed, a few under way,
// and one with ten thousand steps. It migrates the database first.
//
//	go run ./bench/seed -database-url postgres://… -executions 1000000
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("seed", flag.ContinueOnError)
	databaseURL := flags.String("database-url", os.Getenv("STENT_TEST_DATABASE_URL"), "postgres://…: the database to fill, which must have no executions")
	executions := flags.Int("executions", 1_000_000, "how many executions to make")
	writers := flags.Int("writers", 2, "connections that write at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *databaseURL == "" {
		return errors.New("say which database to fill, with -database-url")
	}
	began := time.Now()
	if _, err := app.Migrate(ctx, *databaseURL, "up"); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, *databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := checkEmpty(ctx, conn); err != nil {
		return err
	}
	indexes, err := dropIndexes(ctx, conn)
	if err != nil {
		return err
	}
	err = fill(ctx, *databaseURL, *executions, *writers)
	for _, rest := range []string{wide, letters} {
		if err == nil {
			_, err = conn.Exec(ctx, rest)
		}
	}
	fmt.Printf("%d executions after %s\n", *executions, time.Since(began).Round(time.Second))
	// Also after an error: what was dropped is to be there again.
	if err := errors.Join(err, createIndexes(context.WithoutCancel(ctx), conn, indexes)); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	fmt.Printf("indexed and vacuumed after %s\n", time.Since(began).Round(time.Second))
	return nil
}

func checkEmpty(ctx context.Context, conn *pgx.Conn) error {
	var some bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM executions)").Scan(&some); err != nil {
		return err
	}
	if some {
		return errors.New("the database has executions already: give it an empty one")
	}
	return nil
}

// dropIndexes drops the indexes that are no constraints, since making them anew at the
// end is faster, and gives their definitions.
func dropIndexes(ctx context.Context, conn *pgx.Conn) (definitions []string, err error) {
	rows, err := conn.Query(ctx, `SELECT indexname, indexdef FROM pg_indexes
		WHERE schemaname = current_schema() AND tablename IN ('executions', 'tasks') AND indexname NOT LIKE '%_pkey'`)
	if err != nil {
		return nil, err
	}
	var names []string
	var name, definition string
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		names, definitions = append(names, name), append(definitions, definition)
		return nil
	}); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP INDEX "+pgx.Identifier{name}.Sanitize()); err != nil {
			return nil, err
		}
	}
	return definitions, nil
}

func createIndexes(ctx context.Context, conn *pgx.Conn, definitions []string) error {
	if _, err := conn.Exec(ctx, "SET maintenance_work_mem = '512MB'"); err != nil {
		return err
	}
	for _, definition := range definitions {
		if _, err := conn.Exec(ctx, definition); err != nil {
			return err
		}
	}
	return nil
}

var (
	//go:embed chunk.sql
	chunk string
	//go:embed wide.sql
	wide string
	//go:embed letters.sql
	letters string
)

// chunkSize is how many executions are made in one transaction.
const chunkSize = 10_000

func fill(ctx context.Context, databaseURL string, executions, writers int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for first := 0; first < executions; first += chunkSize {
		group.Go(func() error {
			conn, err := pgx.Connect(ctx, databaseURL)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			_, err = conn.Exec(ctx, chunk, first, min(first+chunkSize, executions)-1, executions)
			return err
		})
	}
	return group.Wait()
}

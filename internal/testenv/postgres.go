//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnvDatabaseURL names the PostgreSQL server to test on: a URL whose user may
// create databases. Tests touch no database but those that they create.
const EnvDatabaseURL = "STENT_TEST_DATABASE_URL"

const adminTimeout = time.Minute

// PostgresOption changes the database that Postgres makes.
type PostgresOption func(database string) (sql string)

// Relaxed lets commits return before they are durable, for tests in which
// nothing hangs on that. Benchmarks and tests that kill the server must not.
func Relaxed() PostgresOption {
	return func(database string) string {
		return "ALTER DATABASE " + database + " SET synchronous_commit = off"
	}
}

// Postgres returns the URL of a new, empty PostgreSQL database with default
// durability. It is dropped, with the connections to it, when the test ends.
func Postgres(t testing.TB, options ...PostgresOption) string {
	t.Helper()
	server := postgresServer(t)
	name := "stent_test_" + strings.ToLower(rand.Text())
	// template0, unlike template1, has no connections that would be in the way.
	statements := []string{"CREATE DATABASE " + name + " TEMPLATE template0"}
	for _, option := range options {
		statements = append(statements, option(name))
	}
	if err := administer(server, statements...); err != nil {
		t.Fatalf("creating a PostgreSQL database: %v", err)
	}
	t.Cleanup(func() {
		if err := administer(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping a PostgreSQL database: %v", err)
		}
	})
	database, err := url.Parse(server)
	if err != nil {
		t.Fatalf("reading the URL of PostgreSQL: %v", err)
	}
	database.Path = "/" + name
	return database.String()
}

var processPostgres struct {
	sync.Mutex
	url string
}

// postgresServer returns the server's URL, and starts one for the rest of this
// process when there is none.
func postgresServer(t testing.TB) string {
	t.Helper()
	processPostgres.Lock()
	defer processPostgres.Unlock()
	if processPostgres.url != "" {
		return processPostgres.url
	}
	server := os.Getenv(EnvDatabaseURL)
	if server == "" {
		h, err := hold(t, BackendPostgres)
		if err != nil {
			t.Fatalf("starting PostgreSQL: %v", err)
		}
		server = h.URL
	}
	version, err := postgresVersion(server)
	if err != nil {
		t.Fatalf("asking PostgreSQL for its version: %v", err)
	}
	covered(t, BackendPostgres, version)
	processPostgres.url = server
	return server
}

func postgresVersion(server string) (version string, err error) {
	err = withConn(server, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SHOW server_version").Scan(&version)
	})
	// Distributions append their own: "15.18 (Debian 15.18-0+deb12u1)".
	version, _, _ = strings.Cut(version, " ")
	return version, err
}

// administer runs statements that cannot run in a transaction.
func administer(server string, statements ...string) error {
	return withConn(server, func(ctx context.Context, conn *pgx.Conn) error {
		for _, sql := range statements {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
		return nil
	})
}

func withConn(server string, use func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	err = use(ctx, conn)
	// What was to be done is done, or its error matters more.
	_ = conn.Close(ctx)
	return err
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stent-dev/stent/internal/db"
)

// SQLSTATE codes and classes that have a meaning here. The last two are those
// that the schema's stent_fence raises.
const (
	classConnection    = "08"
	classShutdown      = "57P"
	classResources     = "53"
	codeReadOnly       = "25006"
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeLockTimeout    = "55P03"
	codeQueryCancelled = "57014"
	codeIdle           = "25P03" // thrown out in the middle of a transaction
	codeDuplicate      = "23505"
	codeNoTable        = "42P01"
	codeFence          = "ST001"
	codeExpired        = "ST002"
)

// translate names the operation in an error and gives errors of the database the
// meaning that package db has for them, by their code. Other errors keep theirs.
func translate(operation string, err error) error {
	if err == nil {
		return nil
	}
	if meaning := meaningOf(err); meaning != nil && !errors.Is(err, meaning) {
		return fmt.Errorf("%s: %w: %w", operation, meaning, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}

func meaningOf(err error) error {
	var answer *pgconn.PgError
	switch {
	case errors.Is(err, errSilent):
		return db.ErrUnavailable
	case errors.As(err, &answer):
		return meaningOfCode(answer.Code)
	case errors.Is(err, pgx.ErrNoRows):
		return db.ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // the caller's own
	case broken(err):
		return db.ErrUnavailable
	}
	return nil
}

func meaningOfCode(code string) error {
	switch code {
	case codeSerialization, codeDeadlock, codeLockTimeout, codeDuplicate, codeFence:
		return db.ErrConflict
	case codeExpired:
		return db.ErrExpired
	case codeQueryCancelled:
		return db.ErrTooSlow
	case codeReadOnly, codeIdle:
		return db.ErrUnavailable
	}
	for _, class := range []string{classConnection, classShutdown, classResources} {
		if strings.HasPrefix(code, class) {
			return db.ErrUnavailable
		}
	}
	return nil
}

// broken tells errors of the connection from those of this program, such as a
// value that does not scan.
func broken(err error) bool {
	var network interface{ Timeout() bool } // net.Error, and pgconn's errors of connecting
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// unavailable translates an error of getting a connection.
func unavailable(operation string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return fmt.Errorf("%s: %w: %w", operation, db.ErrUnavailable, err)
}

// unknown says of an error while saving whether the transaction may have been
// committed nevertheless: when the server refused a statement before COMMIT, it
// skipped all that followed, and nothing is stored. Anything else leaves it open.
func unknown(err error, atCommit bool) bool {
	var answer *pgconn.PgError
	return atCommit || !errors.As(err, &answer)
}

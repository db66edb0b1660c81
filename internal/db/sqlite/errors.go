package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stent-dev/stent/internal/db"
)

var (
	errClosed = errors.New("the database is closed")
	errNoRows = sql.ErrNoRows
)

// translate names the operation in an error and gives errors of the database the
// meaning that package db has for them, by their code. Other errors keep theirs.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	if meaning := meaningOf(err); meaning != nil && !errors.Is(err, meaning) {
		return fmt.Errorf("%s: %w: %w", op, meaning, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// translateCommit is translate for COMMIT: when the disk fails then, the end of
// the transaction may have reached it, and count after a crash.
func translateCommit(op string, err error) error {
	if primaryCode(err) == sqlite3.SQLITE_IOERR {
		return fmt.Errorf("%s: %w: %w", op, db.ErrUnknown, err)
	}
	return translate(op, err)
}

func meaningOf(err error) error {
	switch primaryCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return db.ErrConflict
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM:
		return db.ErrUnavailable
	case sqlite3.SQLITE_CONSTRAINT:
		switch code(err) {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
			return db.ErrConflict
		}
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return db.ErrNotFound
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, errClosed):
		return db.ErrUnavailable
	}
	return nil
}

// code is SQLite's extended result code, primaryCode the kind of error; 0 for other errors.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func primaryCode(err error) int { return code(err) & 0xff }

// fenced passes on the error of a guarded write, or makes one of a guard that no
// longer held: anything but one row.
func fenced(rows int64, err error) error {
	if err == nil && rows != 1 {
		return fmt.Errorf("%w: a guarded write found %d rows", db.ErrConflict, rows)
	}
	return err
}

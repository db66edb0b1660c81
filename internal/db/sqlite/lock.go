package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrInUse says that somebody else has the database file open.
var ErrInUse = errors.New("the database is in use by another process, and an SQLite database serves one process only: " +
	"stop the other one, or use PostgreSQL (postgres://...) to run several")

// errLocked is what lockExclusive gives when somebody else has the lock.
var errLocked = errors.New("locked")

// fileLock is the operating system's lock that keeps a database file to one
// process. It goes with the process, however that ends.
type fileLock struct{ file *os.File }

// lockFile locks the file beside the database that stands for it; it stays there
// when the lock is released, since removing it would race with the next process.
func lockFile(database string) (*fileLock, error) {
	if resolved, err := filepath.EvalSymlinks(database); err == nil {
		database = resolved
	}
	file, err := os.OpenFile(database+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the database: %w", err)
	}
	if err := lockExclusive(file); err != nil {
		if errors.Is(err, errLocked) {
			err = ErrInUse
		}
		return nil, errors.Join(fmt.Errorf("locking %s: %w", database, err), file.Close())
	}
	return &fileLock{file}, nil
}

// release gives the lock back. Closing the file alone would leave it to a child
// process that is being started at this moment.
func (l *fileLock) release() error { return errors.Join(unlock(l.file), l.file.Close()) }

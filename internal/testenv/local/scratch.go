//go:build unix

package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	scratchPrefix = "stent-testenv-"
	lockName      = "lock"
	// A younger directory may belong to a process that has not locked it yet.
	sweepAge = time.Minute
)

// Scratch is a temporary directory that is marked as in use for as long as
// this process lives, however it dies.
type Scratch struct {
	Path string
	lock *os.File
}

// NewScratch makes a scratch directory and removes those that dead processes
// left behind.
func NewScratch() (*Scratch, error) {
	sweep()
	path, err := os.MkdirTemp("", scratchPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	lock, err := os.Create(filepath.Join(path, lockName))
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking a scratch directory: %w", err), os.RemoveAll(path))
	}
	return &Scratch{Path: path, lock: lock}, nil
}

// Remove deletes the directory and all that is in it.
func (s *Scratch) Remove() error {
	return errors.Join(os.RemoveAll(s.Path), s.lock.Close())
}

// sweep removes scratch directories whose owner is gone. It does what it can:
// directories of other users stay.
func sweep() {
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*"))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		lock, err := os.Open(filepath.Join(path, lockName))
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		_ = lock.Close()
	}
}

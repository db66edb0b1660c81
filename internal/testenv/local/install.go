//go:build unix

package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

const policyFile = "/usr/sbin/policy-rc.d"

// find looks a program up, and installs its package when that is possible. What it
// is (such as "a Redis server") is for the message when it is not.
// Progress of the installation goes to log.
func find(lookup func() (binary, bool), what, pkg string, log io.Writer) (binary, error) {
	if b, ok := lookup(); ok {
		return b, nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return binary{}, fmt.Errorf("the tests need %s and found none: install it (Debian: apt-get install %s), or run them as root on Debian, which installs it", what, pkg)
	}
	unlock, err := installLock()
	if err != nil {
		return binary{}, err
	}
	defer unlock()
	// Another test process may have installed it while this one waited.
	if b, ok := lookup(); ok {
		return b, nil
	}
	if err := install(apt, pkg, log); err != nil {
		return binary{}, fmt.Errorf("installing %s: %w", pkg, err)
	}
	if b, ok := lookup(); ok {
		return b, nil
	}
	return binary{}, fmt.Errorf("installed %s, but did not find %s afterwards", pkg, what)
}

func installLock() (unlock func(), err error) {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "stent-install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the installation lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("taking the installation lock: %w", err), lock.Close())
	}
	return func() { _ = lock.Close() }, nil
}

func install(apt, pkg string, log io.Writer) (err error) {
	restore, err := forbidServices()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-y", "-q", "--no-install-recommends", pkg},
	} {
		fmt.Fprintf(log, "running apt-get %s\n", args[0])
		cmd := exec.Command(apt, append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[0], err)
		}
	}
	return nil
}

// forbidServices keeps a package that is being installed from starting its
// service, the way Debian's policy offers for it. A policy that the machine
// has already is left alone.
func forbidServices() (restore func() error, err error) {
	f, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("forbidding services: %w", err)
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("forbidding services: %w", err), os.Remove(policyFile))
	}
	return func() error { return os.Remove(policyFile) }, nil
}

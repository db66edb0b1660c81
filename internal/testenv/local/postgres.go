//go:build unix

package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Postgres starts a PostgreSQL server with a new, empty cluster. Its settings
// are PostgreSQL's own, durability included, but for 200 connections. The URL
// is that of a superuser and of the maintenance database.
func Postgres(log io.Writer) (*Server, error) {
	server, err := find(findPostgres, "a PostgreSQL server", "postgresql", log)
	if err != nil {
		return nil, err
	}
	cred, err := account()
	if err != nil {
		return nil, err
	}
	scratch, err := NewScratch()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(scratch.Path, "data")
	if err := createCluster(server, cred, scratch.Path, data); err != nil {
		return nil, errors.Join(err, scratch.Remove())
	}
	return launch(program{
		binary: server,
		cred:   cred,
		args: func(port int) []string {
			return []string{
				"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
				"-c", "unix_socket_directories=", "-c", "max_connections=200",
			}
		},
		ready: func(int) bool { return postmasterReady(data) },
		url:   func(port int) string { return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", port) },
		// The immediate shutdown: nobody will miss the data.
		stopSig: syscall.SIGQUIT,
	}, scratch)
}

// createCluster makes the database cluster as the user that will serve it.
func createCluster(server binary, cred *syscall.Credential, dir, data string) error {
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return fmt.Errorf("handing the scratch directory over: %w", err)
		}
	}
	cmd := exec.Command(initdb(server), "-D", data, "-U", "postgres", "-A", "trust",
		"--no-sync", "--locale=C", "--encoding=UTF8")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("creating a PostgreSQL cluster: %w\n%s", err, out)
	}
	return nil
}

// postmasterReady reads the state that the server writes into the eighth line
// of its pid file, as pg_ctl does: unlike a connection to the port, it cannot
// be answered by another server.
func postmasterReady(data string) bool {
	content, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := bytes.Split(content, []byte("\n"))
	return len(lines) >= 8 && strings.TrimSpace(string(lines[7])) == "ready"
}

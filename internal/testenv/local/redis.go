//go:build unix

package local

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Redis starts a Redis server that keeps nothing on disk.
func Redis(log io.Writer) (*Server, error) {
	server, err := find(findRedis, "a Redis server", "redis-server", log)
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
	if cred != nil {
		if err := os.Chown(scratch.Path, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, errors.Join(fmt.Errorf("handing the scratch directory over: %w", err), scratch.Remove())
		}
	}
	return launch(program{
		binary: server,
		cred:   cred,
		args: func(port int) []string {
			return []string{
				"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", scratch.Path,
				"--save", "", "--appendonly", "no", "--daemonize", "no",
			}
		},
		ready:   redisReady,
		url:     func(port int) string { return fmt.Sprintf("redis://127.0.0.1:%d/0", port) },
		stopSig: syscall.SIGKILL,
	}, scratch)
}

// FindRedis makes sure that Redis can start on this machine and returns its
// version.
func FindRedis(log io.Writer) (version string, err error) {
	server, err := find(findRedis, "a Redis server", "redis-server", log)
	return server.version, err
}

func redisReady(port int) bool {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	answer := make([]byte, len("+PONG"))
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "+PONG"
}

package http

import (
	"net"
	"os"
	"syscall"
)

// acceptAll accepts what waits and stops listening, without leaving time for a
// connection to be made in between: nothing but one system call.
func acceptAll(l *net.TCPListener) (conns []net.Conn) {
	socket, err := l.SyscallConn()
	if err != nil {
		return nil
	}
	var accepted []int
	_ = socket.Control(func(fd uintptr) { // it fails on a closed socket, which has nothing to give
		for {
			conn, _, err := syscall.Accept4(int(fd), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			if err == nil {
				accepted = append(accepted, conn)
				continue
			}
			if err != syscall.EINTR && err != syscall.ECONNABORTED {
				break
			}
		}
		_ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) // it is closed next in any case
	})
	for _, fd := range accepted {
		file := os.NewFile(uintptr(fd), "connection")
		if conn, err := net.FileConn(file); err == nil {
			conns = append(conns, conn)
		}
		_ = file.Close() // conn has a copy
	}
	return conns
}

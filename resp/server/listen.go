package server

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Listen opens an address for Serve: network "tcp" and "host:port", or "unix"
// and a path. A unix socket is its owner's only (0700), and one that a killed
// server left behind, where nobody listens any more, is replaced.
func Listen(network, addr string) (net.Listener, error) {
	ln, err := net.Listen(network, addr)
	if network != "unix" {
		return ln, err
	}
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(addr) {
		if err := os.Remove(addr); err != nil {
			return nil, err
		}
		ln, err = net.Listen(network, addr)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(addr, 0o700); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// abandoned reports whether a path is a unix socket that nobody listens on.
func abandoned(path string) bool {
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return false
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	c.Close()
	return false
}

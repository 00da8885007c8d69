package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/altilium-db/altilium/resp/server"
)

// listen opens the addresses of the setting bind. An address that begins with a
// minus may be missing on this machine; a port that is taken there is no less
// wrong, since clients of that address would talk to another server. Every error
// has its way out.
func (d *daemon) listen() (all []net.Listener, err error) {
	port := d.set.engine.Port()
	anyPort := port == 0
	for _, host := range strings.Fields(d.set.engine.Bind()) {
		host, optional := strings.CutPrefix(host, "-")
		network, host := networkOf(host)
		ln, err := server.Listen(network, net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			all = append(all, ln)
			if port == 0 { // any free one, the same for all, and what INFO and CONFIG GET tell
				port = ln.Addr().(*net.TCPAddr).Port
				err = d.set.engine.Set("port", strconv.Itoa(port))
			}
			if err != nil {
				return all, err
			}
			continue
		}
		if !optional || errors.Is(err, syscall.EADDRINUSE) && !anyPort {
			return all, fmt.Errorf("%w\n%s", err, listenHint(err))
		}
		d.logger.Debug().Err(err).Msg("an optional address is not there")
	}
	if path := d.set.engine.UnixSocket(); path != "" {
		path, err := filepath.Abs(path) // whose clients are local ones: protected mode tells it by the path
		if err != nil {
			return all, err
		}
		ln, err := server.Listen("unix", path)
		if err != nil {
			return all, fmt.Errorf("%w\nunixsocket must be a path where nothing is, in a directory that is there", err)
		}
		all = append(all, ln)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no address to listen on: bind is %q", d.set.engine.Bind())
	}
	return all, nil
}

// networkOf gives the network to listen on for an address of bind, and the
// address as package net has it. That takes 0.0.0.0 and :: for every address of
// either kind, as only * is meant to.
func networkOf(host string) (network, addr string) {
	switch ip := net.ParseIP(host); {
	case host == "*":
		return "tcp", ""
	case host == "::*":
		return "tcp6", "::"
	case ip == nil:
		return "tcp", host
	case ip.To4() != nil:
		return "tcp4", host
	}
	return "tcp6", host
}

// listenHint is the way out where an address cannot be listened on.
func listenHint(err error) string {
	var name *net.DNSError
	var address *net.AddrError
	switch {
	case errors.As(err, &name), errors.As(err, &address), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "host must be an address of this machine: 127.0.0.1 for clients on it only, * for all"
	case errors.Is(err, fs.ErrPermission):
		return "ports below 1024 are the system's; choose another port with --port"
	}
	return "another server may be running there; choose another port with --port (0 takes any free one)"
}

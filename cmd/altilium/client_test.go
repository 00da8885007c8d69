package main

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// answering is a server that takes one connection and does with it what f says;
// it gives the address.
func answering(t *testing.T, f func(conn net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		f(conn)
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// TestClientEnds: what a server says before it leaves is heard, and how it left
// is told.
func TestClientEnds(t *testing.T) {
	t.Setenv("ALTILIUM_REQUIREPASS", "")
	for _, c := range []struct{ name, said, want string }{
		{"it refuses the client", "-DENIED no\r\n", "(reply)DENIED no"},
		{"it closes", "", "the connection is gone: the server closed it"},
		{"it closes in a reply", "$5\r\nhel", "the connection is gone: "},
		{"it is no server of ours", "HTTP/1.1 400 Bad Request\r\n", "the connection is gone: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := answering(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 64)) // unread, it would make the end a reset
				_, _ = conn.Write([]byte(c.said))
			})
			cl, err := (&target{addr: addr}).dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer cl.conn.Close()
			if err := cl.conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			v, err := cl.ask("PING")
			got := "(reply)" + v.Text()
			if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, c.want) || err != nil && !errors.Is(err, errGone) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestClientWrites: a refusal is heard where the command cannot be sent any more.
func TestClientWrites(t *testing.T) {
	t.Setenv("ALTILIUM_REQUIREPASS", "")
	addr := answering(t, func(conn net.Conn) { _, _ = conn.Write([]byte("-DENIED no\r\n")) })
	cl, err := (&target{addr: addr}).dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.conn.Close()
	if err := cl.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if v, err := cl.ask("PING"); err != nil || v.Text() != "DENIED no" {
		t.Errorf("%s: %v", v.Text(), err)
	}
}

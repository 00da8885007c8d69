package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// answering is a server that takes one connection after the other, and does with each what
// its function says; it gives the address.
func answering(t *testing.T, each ...func(conn net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, f := range each {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f(conn)
			conn.Close()
		}
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

// TestDialReady: a server that leaves, or loads, is not ready yet, and one that says nothing
// is waited for no longer than was said.
func TestDialReady(t *testing.T) {
	t.Setenv("ALTILIUM_REQUIREPASS", "")
	says := func(reply string) func(conn net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 64))
			_, _ = conn.Write([]byte(reply))
		}
	}
	leaves, loads := says(""), says("-LOADING not yet\r\n")
	silent := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for _, c := range []struct {
		name     string
		each     []func(conn net.Conn)
		password string
		most     time.Duration
		want     string
	}{
		{"it is ready", []func(conn net.Conn){leaves, loads, loads, says("+PONG\r\n")}, "", patience, ""},
		{"it wants a password", []func(conn net.Conn){says("-NOAUTH no\r\n")}, "", patience, ""},
		{"it loads", []func(conn net.Conn){loads, silent}, "", 200 * time.Millisecond, "no server was ready within 200ms: LOADING not yet"},
		{"it is silent", []func(conn net.Conn){silent}, "", 100 * time.Millisecond, "no server was ready within 100ms: the connection is gone"},
		{"it is silent about a password", []func(conn net.Conn){silent}, "secret", 100 * time.Millisecond, "no server was ready within 100ms: the connection is gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, err := (&target{addr: answering(t, c.each...), password: c.password}).dialReady(t.Context(), c.most)
			if err == nil {
				cl.conn.Close()
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

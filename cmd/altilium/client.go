package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// client is one connection to a running server.
type client struct {
	conn net.Conn
	in   *resp.Reader

	buffered *bufio.Reader // what in reads from
}

// errClosed is the orderly end of a connection by the server.
var errClosed = fmt.Errorf("%w: the server closed it", errGone)

// dialServer connects to the server at addr, whatever speaks RESP there.
func dialServer(ctx context.Context, addr string) (net.Conn, error) {
	network := "tcp"
	if strings.ContainsAny(addr, `/\`) {
		network = "unix"
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, addr)
	var wrong *net.AddrError
	if errors.As(err, &wrong) {
		return nil, usagef("%q is no address of a server: %s; one is HOST:PORT, or the path of a unix socket with a slash, such as ./altilium.sock", addr, wrong.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nis a server running there? Start one with `altilium serve`", err)
	}
	return conn, nil
}

// dial connects to the server, with its password where one is known.
func (t *target) dial(ctx context.Context) (*client, error) {
	conn, err := dialServer(ctx, t.addr)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReader(conn)
	c := &client{conn: conn, in: resp.NewReader(buffered), buffered: buffered}
	if password := cmp.Or(t.password, os.Getenv("ALTILIUM_REQUIREPASS")); password != "" {
		defer c.closeAfter(ctx)()
		v, err := c.must("AUTH", password)
		if t.password == "" && strings.Contains(v.Text(), "without any password configured") {
			return c, nil // that of the environment is for another server, such as bisect's are
		}
		if err != nil {
			conn.Close()
			if !errors.Is(err, errGone) {
				err = fmt.Errorf("the password was refused: %w", err)
			}
			return nil, err
		}
	}
	return c, nil
}

// dialReady is dial for a server that may not be there yet, or not have loaded its data: it
// tries until one is ready, for so long at most. A password that is refused ends it too.
func (t *target) dialReady(ctx context.Context, most time.Duration) (*client, error) {
	if most <= 0 {
		return t.dial(ctx)
	}
	deadline := time.Now().Add(most)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var problem error
	for {
		c, err := t.dial(ctx)
		if err == nil {
			if err = c.loaded(ctx); err == nil {
				return c, nil
			}
			c.conn.Close()
		}
		var final *codedError
		if errors.As(err, &final) {
			return nil, err
		}
		if problem == nil || time.Now().Before(deadline) { // what the deadline has cut off says nothing
			problem = err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("no server was ready within %v: %w", most, problem)
		}
	}
}

// loaded says in its error what keeps the server from carrying out commands.
func (c *client) loaded(ctx context.Context) error {
	defer c.closeAfter(ctx)()
	v, err := c.ask("PING")
	if err == nil && strings.HasPrefix(v.Text(), "LOADING ") {
		err = errors.New(v.Text())
	}
	return err
}

// closeAfter ends a wait for a reply with ctx, until stop is called.
func (c *client) closeAfter(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { c.conn.Close() })
}

// selectDB has the connection use a database from now on.
func (c *client) selectDB(db int) error {
	_, err := c.must("SELECT", strconv.Itoa(db))
	return err
}

// ask sends one command and reads its reply. The error wraps errGone.
func (c *client) ask(words ...string) (resp.Value, error) {
	_, writeErr := c.conn.Write(resp.AppendCommand(nil, byteArgs(words)...))
	v, err := c.next() // where nothing can be sent too: a server that refuses a client says why, and leaves
	if err != nil && writeErr != nil {
		err = fmt.Errorf("%w: %w", errGone, writeErr)
	}
	return v, err
}

// next reads a reply or a message. The error wraps errGone.
func (c *client) next() (resp.Value, error) {
	v, err := c.in.Read()
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, io.EOF):
		return v, errClosed
	}
	return v, fmt.Errorf("%w: %w", errGone, err)
}

// must is ask for a command that has to succeed: an error reply is an error.
func (c *client) must(words ...string) (resp.Value, error) {
	v, err := c.ask(words...)
	if err == nil && v.IsError() {
		err = failed(v.Text())
	}
	return v, err
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/spf13/cobra"
)

func newCLI() *cobra.Command {
	var addr, password string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cli [flags] [COMMAND [ARG…]]",
		Short: "Talk to a running server: one command, or a prompt",
		Long: `Talk to a running server. With a command it is sent and its reply printed;
without, commands are read line by line.

Besides every command of the server the prompt knows
  KEYS          every key: what the server calls KEYS *
  VIEW [GLOB]   every key with its type, expiry and value
  TEST          write, read and delete a key, and say whether all was right
  EXIT          leave

Errors go to standard error, and the exit code is 1 when a command failed. With
--json each reply is one line, as ` + "`altilium at`" + ` prints them.`,
		Example: `  altilium cli SET greeting "hello there"
  altilium cli --addr 127.0.0.1:7000
  printf 'SET a 1\nINCR a\n' | altilium cli`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := dialCLI(addr, password)
			if err != nil {
				return err
			}
			defer c.conn.Close()
			c.out, c.errs, c.json = cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON
			if len(args) > 0 {
				err := c.do(args)
				if err == nil || errors.Is(err, errExit) || errors.Is(err, errGone) {
					return notExit(err)
				}
				fmt.Fprintln(c.errs, err)
				return found("a command failed")
			}
			failed, err := readLines(os.Stdin, c.out, c.errs, addr+"> ", c.do)
			if err == nil && failed {
				return found("a command failed")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&addr, "addr", defaultAddr, "address of the server")
	cmd.Flags().StringVar(&password, "password", os.Getenv("ALTILIUM_REQUIREPASS"), "password of the server")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each reply as one line of JSON")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// notExit takes leaving for no error.
func notExit(err error) error {
	if errors.Is(err, errExit) {
		return nil
	}
	return err
}

// cliConn is one connection of the prompt.
type cliConn struct {
	conn      net.Conn
	in        *resp.Reader
	out, errs io.Writer
	json      bool
}

func dialCLI(addr, password string) (*cliConn, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("%w\nis a server running there? Start one with `altilium serve`", err)
	}
	c := &cliConn{conn: conn, in: resp.NewReader(bufio.NewReader(conn))}
	if password != "" {
		v, err := c.ask("AUTH", password)
		if err == nil && v.IsError() {
			err = failed("the password was refused: " + v.Text())
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return c, nil
}

// ask sends one command and reads its reply. The error wraps errGone.
func (c *cliConn) ask(words ...string) (resp.Value, error) {
	args := make([][]byte, 0, len(words))
	for _, w := range words {
		args = append(args, []byte(w))
	}
	if _, err := c.conn.Write(resp.AppendCommand(nil, args...)); err != nil {
		return resp.Value{}, fmt.Errorf("%w: %w", errGone, err)
	}
	v, err := c.in.Read()
	if errors.Is(err, io.EOF) {
		return v, fmt.Errorf("%w: the server closed it", errGone)
	}
	if err != nil {
		return v, fmt.Errorf("%w: %w", errGone, err)
	}
	return v, nil
}

// do executes one line of the prompt. A reply that is an error is an error.
func (c *cliConn) do(words []string) error {
	switch strings.ToUpper(words[0]) {
	case "EXIT":
		return errExit
	case "VIEW":
		return c.view(words[1:])
	case "TEST":
		return c.test()
	case "KEYS":
		if len(words) == 1 {
			words = append(words, "*")
		}
	}
	v, err := c.ask(words...)
	if err != nil {
		return err
	}
	if v.IsError() {
		return errors.New("(error) " + v.Text())
	}
	if err := printReply(c.out, v, c.json); err != nil {
		return err
	}
	if strings.EqualFold(words[0], "QUIT") {
		return errExit // the server has closed the connection
	}
	return nil
}

// view prints every key that matches.
func (c *cliConn) view(globs []string) error {
	glob := "*"
	if len(globs) > 0 {
		glob = globs[0]
	}
	cursor, shown := "0", 0
	for {
		page, err := c.ask("SCAN", cursor, "MATCH", glob, "COUNT", "100")
		if err != nil {
			return err
		}
		if page.IsError() {
			return errors.New("(error) " + page.Text())
		}
		for _, key := range page.Items[1].Items {
			if err := c.viewKey(key.Text()); err != nil {
				return err
			}
			shown++
		}
		if cursor = page.Items[0].Text(); cursor == "0" {
			fmt.Fprintf(c.out, "(%d keys)\n", shown)
			return nil
		}
	}
}

func (c *cliConn) viewKey(key string) error {
	typ, err := c.ask("TYPE", key)
	if err != nil {
		return err
	}
	read := []string{"GET", key}
	if typ.Text() == "hash" {
		read = []string{"HGETALL", key}
	}
	ttl, err := c.ask("PTTL", key)
	if err != nil {
		return err
	}
	value, err := c.ask(read...)
	if err != nil {
		return err
	}
	expiry := ""
	if ms := ttl.Int; ms >= 0 {
		expiry = fmt.Sprintf(" expires in %v", time.Duration(ms)*time.Millisecond)
	}
	fmt.Fprintf(c.out, "%q %s%s\n  %s\n", key, typ.Text(), expiry, strings.ReplaceAll(value.String(), "\n", "\n  "))
	return nil
}

// test goes once through write, read, expiry and delete on a key of its own.
func (c *cliConn) test() error {
	key := fmt.Sprintf("altilium:test:%d", time.Now().UnixNano())
	for _, step := range []struct {
		words []string
		want  string
	}{
		{[]string{"SET", key, "hello", "EX", "60"}, "OK"},
		{[]string{"GET", key}, "hello"},
		{[]string{"PERSIST", key}, "1"},
		{[]string{"DEL", key}, "1"},
		{[]string{"EXISTS", key}, "0"},
	} {
		v, err := c.ask(step.words...)
		if err != nil {
			return err
		}
		if v.Text() != step.want {
			return fmt.Errorf("TEST failed: %s answered %s, not %s", strings.Join(step.words, " "), v.String(), step.want)
		}
		fmt.Fprintf(c.out, "ok  %s\n", strings.Join(step.words, " "))
	}
	return nil
}

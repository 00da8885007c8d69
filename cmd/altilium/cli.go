package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newCLI() *cobra.Command {
	var server *target
	var db int
	var wait time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:        "cli [flags] [COMMAND [ARG…]]",
		Short:      "Talk to a running server: one command, or a prompt",
		SuggestFor: []string{"client", "shell"},
		Long: `Talk to a running server. With a command it is sent and its reply printed;
without, commands are read line by line; at a terminal the arrow keys bring back
those before. SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE, MONITOR and LOG SUBSCRIBE print
what comes until Ctrl-C. --wait is for a server that was started a moment ago: until
it listens and has loaded its data, for so long at most.

Besides every command of the server there are
  KEYS          every key: what the server calls KEYS *
  VIEW [GLOB]   every key with its type, expiry and value
  TEST          write, read and delete a key, and say whether all was right
  HELP          this text
  EXIT          leave

Errors go to standard error, and the exit code is 1 when a command failed. With
--json each reply is one line, as ` + "`altilium at`" + ` prints them; VIEW prints a line a
key, {"key", "type", "ttl_ms" (null without an expiry), "value"}, and TEST a line
a step.`,
		Example: `  altilium cli SET greeting "hello there"
  altilium cli --addr 127.0.0.1:7000
  altilium cli --wait 10s PING           once a server is ready
  altilium cli --json HGETALL user:7
  altilium cli LOG SUBSCRIBE @last
  printf 'SET a 1\nINCR a\n' | altilium cli`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := server.dialReady(cmd.Context(), wait)
			if err != nil {
				return err
			}
			defer c.conn.Close()
			text := server.addr + "> "
			if db != 0 {
				text = fmt.Sprintf("%s[%d]> ", server.addr, db)
				if err := c.selectDB(db); err != nil {
					return err
				}
			}
			p := &cliPrompt{cmd: cmd, client: c, out: cmd.OutOrStdout(), json: asJSON}
			if asJSON { // RESP3 tells a hash from a list; a server that refuses it is asked all the same
				if _, err := c.ask("HELLO", "3"); err != nil {
					return err
				}
			}
			return runCommands(cmd, args, text, p.do)
		},
	}
	server = targetFlags(cmd)
	cmd.Flags().IntVar(&db, "db", 0, "database")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait for the server to be ready, so long at most: 10s")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each reply as one line of JSON")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// cliPrompt is the prompt of `altilium cli`.
type cliPrompt struct {
	cmd *cobra.Command
	*client
	out  io.Writer
	json bool
}

// do executes one command. A reply that is an error is an error.
func (p *cliPrompt) do(words []string) error {
	name := strings.ToUpper(words[0])
	switch name {
	case "EXIT":
		return errExit
	case "HELP":
		_, err := fmt.Fprintln(p.out, p.cmd.Long)
		return err
	case "VIEW":
		if len(words) == 1 {
			words = append(words, "*")
		}
		return p.view(words[1])
	case "TEST":
		return p.test()
	case "KEYS":
		if len(words) == 1 {
			words = append(words, "*")
		}
	}
	v, err := p.ask(words...)
	if name == "SHUTDOWN" && errors.Is(err, errClosed) {
		return errExit // which is how it answers when all went well
	}
	if err != nil {
		return err
	}
	if !p.json && v.Kind == '$' && answersText(words) {
		fmt.Fprintln(p.out, strings.TrimSuffix(v.Text(), "\n"))
	} else if err := printReply(p.out, v, p.json); err != nil {
		return err
	}
	switch {
	case name == "QUIT":
		return errExit // the server has closed the connection
	case listens(words) && v.Text() != "QUEUED":
		return p.listen()
	}
	return nil
}

// answersText reports whether a command answers lines of text for people, which are shown
// as they stand: what is a verbatim string in RESP3.
func answersText(words []string) bool {
	sub := ""
	if len(words) > 1 {
		sub = strings.ToUpper(words[1])
	}
	switch strings.ToUpper(words[0]) {
	case "INFO", "LOLWUT":
		return true
	case "CLIENT":
		return sub == "INFO" || sub == "LIST"
	case "LATENCY":
		return sub == "DOCTOR" || sub == "GRAPH"
	case "MEMORY":
		return sub == "DOCTOR" || sub == "MALLOC-STATS"
	}
	return false
}

// listens reports whether what comes after a command's reply are messages.
func listens(words []string) bool {
	switch strings.ToUpper(words[0]) {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR":
		return true
	case "LOG":
		return len(words) > 1 && strings.EqualFold(words[1], "SUBSCRIBE")
	}
	return false
}

// listen prints messages until it is interrupted, which ends the prompt.
func (p *cliPrompt) listen() error {
	ctx, stop := untilInterrupted(p.cmd)
	defer stop()
	defer context.AfterFunc(ctx, func() { p.conn.Close() })()
	for {
		v, err := p.next()
		if ctx.Err() != nil {
			return errExit
		}
		if err != nil {
			return err
		}
		if err := printReply(p.out, v, p.json); err != nil {
			return err
		}
	}
}

// view prints every key that matches.
func (p *cliPrompt) view(glob string) error {
	for cursor, shown := "0", 0; ; {
		page, err := p.ask("SCAN", cursor, "MATCH", glob, "COUNT", "100")
		if err != nil {
			return err
		}
		if page.IsError() {
			return printReply(p.out, page, p.json)
		}
		for _, key := range page.Items[1].Items {
			there, err := p.viewKey(key.Text())
			if err != nil {
				return err
			}
			if there {
				shown++
			}
		}
		if cursor = page.Items[0].Text(); cursor == "0" {
			if !p.json {
				fmt.Fprintf(p.out, "(%s)\n", count(shown, "key"))
			}
			return nil
		}
	}
}

// viewed is a key as VIEW prints it with --json; its names are never changed.
type viewed struct {
	Key   replay.Text `json:"key"`
	Type  string      `json:"type"`
	TTL   *int64      `json:"ttl_ms"`
	Value replyValue  `json:"value"`
}

// viewKey prints one key, unless it has expired since, or been deleted.
func (p *cliPrompt) viewKey(key string) (there bool, err error) {
	typ, err := p.ask("TYPE", key)
	if err != nil {
		return false, err
	}
	ttl, err := p.ask("PTTL", key)
	if err != nil {
		return false, err
	}
	read := reads(typ.Text(), key)
	if read == nil {
		return false, nil
	}
	value, err := p.ask(read...)
	if err != nil {
		return false, err
	}
	if p.json {
		shown := viewed{Key: replay.Text(key), Type: typ.Text(), Value: replyValue(value)}
		if ttl.Int >= 0 {
			shown.TTL = &ttl.Int
		}
		return true, json.NewEncoder(p.out).Encode(shown)
	}
	expiry := ""
	if ttl.Int >= 0 {
		expiry = fmt.Sprintf(" expires in %v", time.Duration(ttl.Int)*time.Millisecond)
	}
	fmt.Fprintf(p.out, "%q %s%s\n  %s\n", key, typ.Text(), expiry, strings.ReplaceAll(value.String(), "\n", "\n  "))
	return true, nil
}

// reads is the command that answers all of a value, nil where there is none.
func reads(typ, key string) []string {
	switch typ {
	case "string":
		return []string{"GET", key}
	case "hash":
		return []string{"HGETALL", key}
	case "list":
		return []string{"LRANGE", key, "0", "-1"}
	case "set":
		return []string{"SMEMBERS", key}
	case "zset":
		return []string{"ZRANGE", key, "0", "-1", "WITHSCORES"}
	case "stream":
		return []string{"XRANGE", key, "-", "+"}
	}
	return nil
}

// test goes once through write, read, expiry and delete on a key of its own.
func (p *cliPrompt) test() error {
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
		v, err := p.ask(step.words...)
		if err != nil {
			return err
		}
		done := strings.Join(step.words, " ")
		switch {
		case v.Text() != step.want:
			return fmt.Errorf("TEST failed: %s answered %s, not %s", done, v.String(), step.want)
		case p.json:
			err = json.NewEncoder(p.out).Encode(map[string]string{"ok": done})
		default:
			_, err = fmt.Fprintf(p.out, "ok  %s\n", done)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

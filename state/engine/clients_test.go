package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"pgregory.net/rapid"
)

// TestGoRedisStart sends what redis/go-redis v9 sends when it opens a
// connection, as one pipeline; and what it falls back to for an old server.
func TestGoRedisStart(t *testing.T) {
	h := newHarness(t, setup{})
	h.configure(func(s *settings) { s.requirepass = "secret" })
	c := h.connect()
	got := masked(c.do("HELLO 3 AUTH default secret SETNAME worker", "CLIENT SETINFO LIB-NAME go-redis(,go1.26.0)", "CLIENT SETINFO LIB-VER 9.7.0", "SELECT 2", "PING"))
	hello := "%7 $6 server $5 redis $7 version $5 7.2.4 $5 proto :3 $2 id :ID $4 mode $10 standalone $4 role $6 master $7 modules *0"
	if want := hello + " +OK +OK +OK +PONG"; got != want {
		t.Errorf("answered %s\nnot %s", got, want)
	}
	d := h.connect()
	d.want("+OK +OK +OK +PONG", "AUTH default secret", "SELECT 2", "CLIENT SETNAME worker", "PING")
}

// connWords are what random commands are made of.
func connWords() []string {
	return []string{
		"PING", "ECHO", "SELECT", "HELLO", "AUTH", "RESET", "CLIENT", "CONFIG", "COMMAND", "TIME", "MULTI", "EXEC", "DISCARD", "UNWATCH", "WATCH",
		"2", "3", "0", "-1", "16", "x", "", "default", "secret", "SETNAME", "GETNAME", "ID", "LIST", "TYPE", "normal", "pubsub", "KILL", "SKIPME", "yes",
		"NO-EVICT", "on", "off", "GET", "SET", "timeout", "hz", "maxclients", "t*t", "10", "GETKEYS", "GETKEYSANDFLAGS", "COUNT", "FILTERBY", "PATTERN", "get", "set", "k",
	}
}

// TestRandomConnectionCommands sends random words to us and to redis-server:
// the replies agree, errors included. What lists other connections, and what is
// known to differ by version, is not asked.
func TestRandomConnectionCommands(t *testing.T) {
	redis := startRedis(t)
	if redis == "" {
		t.Skip("nothing to compare with")
	}
	table := command.NewTable()
	dialOurs, dialTheirs := newOurs(t), newTheirs(t, redis)
	rapid.Check(t, func(rt *rapid.T) {
		here, there := dialOurs(), dialTheirs()
		for _, s := range []speaker{here, there} {
			s.send(words("CONFIG SET timeout 0 hz 10 maxclients 10000"))
			s.reply()
		}
		for range rapid.IntRange(1, 12).Draw(rt, "commands") {
			line := strings.Join(rapid.SliceOfN(rapid.SampledFrom(connWords()), 1, 5).Draw(rt, "words"), "\x00")
			args := bytes.Split([]byte(line), []byte{0})
			if table.Command(args[0]) == nil || !comparable7(args) {
				continue
			}
			here.send(args)
			there.send(args)
			if a, b := masked(here.reply()), masked(there.reply()); a != b {
				rt.Fatalf("%q\nours:  %s\nredis: %s", args, a, b)
			}
		}
	})
}

// comparable7 leaves out what depends on the other connections or on the
// version: lists, kills that may hit, counts, ids, patterns of settings, COMMAND
// GETKEYS with a call that is too short for 7.0.
func comparable7(args [][]byte) bool {
	name := strings.ToUpper(string(args[0]))
	if len(args) == 1 {
		return name != "COMMAND"
	}
	switch name + " " + strings.ToUpper(string(args[1])) {
	case "CLIENT LIST", "CLIENT KILL", "COMMAND LIST":
		return false
	case "CLIENT ID", "COMMAND COUNT":
		return len(args) > 2
	case "CONFIG GET": // a pattern finds settings that there are only in one of them
		return !bytes.ContainsAny(bytes.Join(args[2:], nil), "*?[")
	case "COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS":
		return len(args) > 3
	}
	return true
}

// TestEveryReplyIsOne: whatever the arguments, every command of the connection
// and the server answers exactly one reply in either protocol, or none where
// that was asked for.
func TestEveryReplyIsOne(t *testing.T) {
	h := newHarness(t, setup{})
	rapid.Check(t, func(rt *rapid.T) {
		c := h.connect()
		for range 10 {
			line := rapid.SliceOfN(rapid.SampledFrom(append(connWords(), "INFO", "DEBUG", "LOG", "RECORD", "DIGEST", "OFFSET", "HELP", "REPLY", "SETINFO", "all", "DOCS", "INFO")), 1, 6).Draw(rt, "words")
			args := make([][]byte, len(line))
			for i, w := range line {
				args[i] = []byte(w)
			}
			c.s.Run([][][]byte{args}, &c.out)
			h.e.Commit()
			got := c.take()
			if n, err := countReplies(got); err != nil || n > 1 || n == 0 && !mute(c) {
				rt.Fatalf("%q answered %d replies (%v): %q", line, n, err, got)
			}
			if c.hung || c.killed {
				c = h.connect()
			}
		}
	})
}

// mute reports whether the client may have asked for silence.
func mute(c *client) bool {
	return c.s.(*Session).muting != replyOn || c.s.Waiting() || c.s.(*Session).lastCmd.Name == "reply"
}

func countReplies(wire string) (int, error) {
	in := bytes.NewReader([]byte(wire))
	r := newReplyReader(in)
	n := 0
	for r.more() {
		if _, err := r.Read(); err != nil {
			return n, fmt.Errorf("reply %d: %w", n+1, err)
		}
		n++
	}
	return n, nil
}

// replyReader reads replies and knows when there are no more.
type replyReader struct {
	*resp.Reader
	in *bufio.Reader
}

func newReplyReader(in io.Reader) replyReader {
	b := bufio.NewReader(in)
	return replyReader{resp.NewReader(b), b}
}

func (r replyReader) more() bool {
	_, err := r.in.Peek(1)
	return err == nil
}

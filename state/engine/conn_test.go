package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/cockroachdb/datadriven"
)

// TestConnections runs the transcripts of the commands that a session or the
// server carries out. Each line is a client's name and its command. A name with
// a tilde gets no reply (CLIENT REPLY), one with an exclamation mark is closed
// after it. Every block is also run against redis-server, when there is one,
// and must be answered alike, unless it is marked ours.
func TestConnections(t *testing.T) {
	redis := startRedis(t, "--enable-debug-command", "local")
	for _, name := range []string{"connection", "client", "config", "command", "debug", "log", "clock"} {
		t.Run(name, func(t *testing.T) {
			datadriven.RunTest(t, "testdata/"+name+".txt", func(t *testing.T, d *datadriven.TestData) string {
				ours := converse(t, newOurs(t), d.Input)
				var b strings.Builder
				for _, x := range ours {
					fmt.Fprintf(&b, "%s\n  %s\n", x.line, x.reply)
				}
				if redis == "" || d.HasArg("ours") {
					return b.String()
				}
				for i, theirs := range converse(t, newTheirs(t, redis), d.Input) {
					if theirs.reply != ours[i].reply {
						t.Errorf("%s: %s\nours:  %s\nredis: %s", d.Pos, theirs.line, ours[i].reply, theirs.reply)
					}
				}
				return b.String()
			})
		})
	}
}

// speaker is one connection to either server.
type speaker interface {
	send(args [][]byte)
	reply() string   // of the last command sent, in wire form
	silence() string // that there was none
	closed() bool    // whether the server has closed it
}

// converse plays a script; dial opens a connection.
func converse(t *testing.T, dial func() speaker, script string) []answered {
	t.Helper()
	speakers := map[string]speaker{}
	var all []answered
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, command, _ := strings.Cut(line, " ")
		plain := strings.TrimRight(name, "~!")
		s := speakers[plain]
		if s == nil {
			s = dial()
			speakers[plain] = s
		}
		s.send(words(command))
		var got []string
		if strings.HasSuffix(name, "~") {
			got = append(got, s.silence())
		} else {
			got = append(got, masked(s.reply()))
		}
		if strings.HasSuffix(name, "!") {
			got = append(got, map[bool]string{true: "(closed)", false: "(open)"}[s.closed()])
		}
		all = append(all, answered{line, strings.Join(got, " ")})
	}
	return all
}

// masked hides what differs from run to run, and the reference's version.
func masked(wire string) string {
	wire = flat(wire)
	for _, m := range []struct{ find, put string }{
		{`\$\d+ 7\.\d+\.\d+`, "$$5 7.2.4"},
		{`(\$2 id) :\d+`, "${1} :ID"},
		{`\$10 \d{10} \$\d \d{1,6}`, "SECONDS MICROS"},
		{`\bid=\d+`, "id=ID"},
		{`addr=\S+`, "addr=ADDR"},
		{`\b[0-9a-f]{32}\b`, "ID"},
		{`\$\d+ /\S*/data`, "DIR"},
	} {
		wire = regexp.MustCompile(m.find).ReplaceAllString(wire, m.put)
	}
	return wire
}

// ours speaks to an engine.
type ours struct {
	c   *client
	got string
}

func newOurs(t *testing.T) func() speaker {
	h := newHarness(t, setup{})
	t.Cleanup(h.check)
	return func() speaker { return &ours{c: h.connect()} }
}

func (o *ours) send(args [][]byte) {
	o.c.s.Run([][][]byte{args}, &o.c.out)
	o.c.h.e.Commit()
	for o.c.s.Waiting() {
		for o.c.resumed == 0 {
			o.c.h.post()
		}
		o.c.resumed = 0
		o.c.s.Run(nil, &o.c.out)
		o.c.h.e.Commit()
	}
	o.got = o.c.take()
}

func (o *ours) reply() string { return o.got }
func (o *ours) silence() string {
	if o.got != "" {
		return "reply: " + o.got
	}
	return "(silence)"
}

func (o *ours) closed() bool { return o.c.hung || o.c.killed }

// theirs speaks to redis-server.
type theirs struct {
	t    *testing.T
	conn net.Conn
	in   *resp.Reader
}

func newTheirs(t *testing.T, addr string) func() speaker {
	dial := func() speaker {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		return &theirs{t, conn, resp.NewReader(conn)}
	}
	s := dial()
	s.send(words("FLUSHALL"))
	if got := s.reply(); got != "+OK\r\n" {
		t.Fatalf("FLUSHALL: %q", got)
	}
	return dial
}

func (r *theirs) send(args [][]byte) {
	if _, err := r.conn.Write(resp.AppendCommand(nil, args...)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *theirs) reply() string {
	raw, err := r.in.ReadRaw()
	if err != nil {
		r.t.Fatal(err)
	}
	return string(raw)
}

// silence cannot be heard: a reply would be taken for that of the next command.
func (r *theirs) silence() string { return "(silence)" }

func (r *theirs) closed() bool {
	_, err := r.conn.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/engine"
)

// TestReplyJSON: each kind of reply, as a program and as a person gets it.
func TestReplyJSON(t *testing.T) {
	for _, c := range []struct{ wire, json, text string }{
		{"+OK\r\n", `"OK"`, "OK"},
		{":-12\r\n", `-12`, "(integer) -12"},
		{"$2\r\nhi\r\n", `"hi"`, `"hi"`},
		{"$1\r\n\xff\r\n", `{"base64":"/w=="}`, `"\xff"`},
		{"$-1\r\n", `null`, "(nil)"},
		{"*-1\r\n", `null`, "(nil)"},
		{"_\r\n", `null`, "(nil)"},
		{"#t\r\n", `true`, "(true)"},
		{"#f\r\n", `false`, "(false)"},
		{",1.5\r\n", `1.5`, "(double) 1.5"},
		{",inf\r\n", `"inf"`, "(double) inf"},
		{",nan\r\n", `"nan"`, "(double) nan"},
		{"(123456789012345678901234567890\r\n", `"123456789012345678901234567890"`, "(big number) 123456789012345678901234567890"},
		{"=8\r\ntxt:some\r\n", `"some"`, "some"},
		{"*0\r\n", `[]`, "(empty array)"},
		{"*2\r\n:1\r\n*1\r\n$1\r\na\r\n", `[1,["a"]]`, "1) (integer) 1\n2) 1) \"a\""},
		{"~1\r\n:1\r\n", `[1]`, "1~ (integer) 1"},
		{"%2\r\n$1\r\nb\r\n:1\r\n$1\r\na\r\n:2\r\n", `[["b",1],["a",2]]`, "1# \"b\" => (integer) 1\n2# \"a\" => (integer) 2"},
		{"%0\r\n", `[]`, "(empty hash)"},
		{"-ERR no\r\n", `{"error":"ERR no"}`, "(error) ERR no"},
		{"!6\r\nERR no\r\n", `{"error":"ERR no"}`, "(error) ERR no"},
		{"", `null`, "(no reply)"},
		{"*1\r\n", `"*1\r\n"`, `"*1\r\n"`},
	} {
		raw, err := json.Marshal(recordedJSON([]byte(c.wire)))
		if err != nil || string(raw) != c.json {
			t.Errorf("%q: %s (%v), want %s", c.wire, raw, err, c.json)
		}
		if got := recordedText([]byte(c.wire)); got != c.text {
			t.Errorf("%q: %s, want %s", c.wire, got, c.text)
		}
	}
}

// FuzzReplyJSON: every reply that can be read is JSON.
func FuzzReplyJSON(f *testing.F) {
	for _, seed := range []string{"%1\r\n$1\r\n\xff\r\n,nan\r\n", "=2\r\nab\r\n", "*2\r\n_\r\n#t\r\n", ",0x1p-2\r\n", ":1\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		v, err := resp.NewReader(strings.NewReader(string(wire))).Read()
		if err != nil {
			return
		}
		if raw, err := json.Marshal(replyValue(v)); err != nil || !json.Valid(raw) {
			t.Errorf("%q: %s (%v)", wire, raw, err)
		}
	})
}

// TestQuoteArgs: a command is shown so that it could be typed at a prompt.
func TestQuoteArgs(t *testing.T) {
	for _, words := range [][]string{{"GET", "k"}, {"SET", "", "a b"}, {"SET", `"`, `'`, `\`}, {"SET", "\x00\xff\n\t", "ü"}, {"KEYS", "*"}} {
		var args [][]byte
		for _, w := range words {
			args = append(args, []byte(w))
		}
		back, err := splitWords(quoteArgs(args))
		if err != nil || strings.Join(back, "|") != strings.Join(words, "|") {
			t.Errorf("%q is shown as %s, which reads %q (%v)", words, quoteArgs(args), back, err)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 10_239: "10239 bytes", 10_240: "10.0 kB", 1 << 20: "1.0 MB", 10<<30 - 1: "10240.0 MB", 10 << 30: "10.0 GB", 1 << 40: "1024.0 GB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 segments", 1: "1 segment", 2: "2 segments"} {
		if got := count(n, "segment"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestBanner: what it tells to type works where the server is, and with its
// password.
func TestBanner(t *testing.T) {
	cfg := engine.NewConfig()
	banner := func(addr string) string {
		var out strings.Builder
		printBanner(&out, cfg, nil, addr)
		return out.String()
	}
	for _, want := range []string{"  try         altilium cli SET greeting hello", "\n              altilium at @-1m ", " altilium history greeting "} {
		if got := banner(defaultAddr); !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if err := errors.Join(cfg.Set("dir", "my data"), cfg.Set("requirepass", "secret")); err != nil {
		t.Fatal(err)
	}
	got := banner("127.0.0.1:7000")
	for _, want := range []string{"altilium cli --addr 127.0.0.1:7000 --password … SET", `altilium at --dir "my data" @-1m`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret") {
		t.Errorf("the password is shown:\n%s", got)
	}
	for _, p := range []log.Policy{log.EverySec, log.Always, log.No} {
		if !strings.HasPrefix(durability(p), p.String()+": ") {
			t.Errorf("%s: %s", p, durability(p))
		}
	}
}

// TestLogLevels: Redis' names, which lines each lets through, and that a level
// may change while the logger is in use.
func TestLogLevels(t *testing.T) {
	level := ""
	var out strings.Builder
	l := newLogger(&out, func() string { return level })
	for _, c := range []struct{ level, want string }{
		{"debug", "DBG INF WRN ERR"}, {"warning", "WRN ERR"}, {"verbose", "DBG INF WRN ERR"}, {"notice", "INF WRN ERR"},
	} {
		out.Reset()
		level = c.level
		l.Debug().Msg("m")
		l.Info().Msg("m")
		l.Warn().Msg("m")
		l.Error().Msg("m")
		var got []string
		for line := range strings.Lines(out.String()) {
			words := strings.Fields(line)
			if len(words) != 3 || len(words[0]) != len("15:04:05.000") || words[2] != "m" {
				t.Fatalf("%s: line %q", level, line)
			}
			got = append(got, words[1])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %s", level, got, c.want)
		}
	}
}

// TestOutput: the first error is kept, and nothing is written after it.
func TestOutput(t *testing.T) {
	var written strings.Builder
	out := &output{w: &written}
	fmt.Fprint(out, "a")
	if written.String() != "a" || out.err != nil {
		t.Errorf("%q: %v", written.String(), out.err)
	}
	out.w = failingWriter{}
	fmt.Fprint(out, "b")
	out.w = &written
	fmt.Fprint(out, "c")
	if written.String() != "a" || !errors.Is(out.err, io.ErrShortWrite) {
		t.Errorf("%q: %v", written.String(), out.err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestReadLines: a prompt is for people, an error ends no loop but that of a lost
// connection does, and a last line needs no end.
func TestReadLines(t *testing.T) {
	for _, c := range []struct {
		in, did, errs string
		failed        bool
		err           error
	}{
		{in: "", did: ""},
		{in: "a b\n\n  \nc", did: "a b|c|"},
		{in: "a\nfail\nb\n", did: "a|fail|b|", errs: "failed\n", failed: true},
		{in: "a \"\nb\n", did: "b|", errs: "unbalanced", failed: true},
		{in: "a\nexit\nb\n", did: "a|exit|"},
		{in: "fail\nexit\n", did: "fail|exit|", errs: "failed\n", failed: true},
		{in: "a\ngone\nb\n", did: "a|gone|", err: errGone},
		{in: "a\r\nb\r\n", did: "a|b|"},
	} {
		var did, errs strings.Builder
		p := &prompt{errs: &errs, do: func(words []string) error {
			did.WriteString(strings.Join(words, " ") + "|")
			switch words[0] {
			case "fail":
				return io.ErrNoProgress
			case "exit":
				return errExit
			case "gone":
				return errGone
			}
			return nil
		}}
		err := p.readLines(strings.NewReader(c.in), "> ")
		want := strings.Replace(c.errs, "failed", io.ErrNoProgress.Error(), 1)
		if did.String() != c.did || p.failed != c.failed || err != c.err || !strings.HasPrefix(errs.String(), want) || want == "" && errs.Len() > 0 { //nolint:errorlint // it is returned as it is
			t.Errorf("%q: did %q, failed %v, %v, errors %q", c.in, did.String(), p.failed, err, errs.String())
		}
	}
}

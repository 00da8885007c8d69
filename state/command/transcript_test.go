package command_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/cockroachdb/datadriven"
)

// The transcripts in testdata, one file for each family of commands:
//
//	run [option …]
//	SET k "v \x00"             one command for each line, quoted as for redis-cli
//	GET k
//	----
//	SET k "v \x00"             the command,
//	  OK                       its reply as redis-cli shows it,
//	  > String "k" = "v \x00"  and each event, whole argv noted if it is kept
//	GET k
//	  "v \x00"
//	digest 3d5f…               of the state after the block
//
// Events of keys that were due and had to go first stand before the reply.
// The blocks of a file go on from one another. Options:
//
//	fresh     begins with no keys, in database 0
//	resp=3    replies in RESP3
//	now=MS    sets the clock, ms since 1970; now=+MS moves it on
//	sorted    arrays of plain values are sorted: their order is not promised
//	ours      redis-server 7.0 answers otherwise: a comment above says why
//
// TestDifferential sends the same lines to redis-server; go test -rewrite
// writes what comes after ---- anew.
func TestTranscripts(t *testing.T) {
	eachTranscript(t, func(t *testing.T, path string) {
		main, other := newWorld(), newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			b := readBlock(t, d)
			other.prepare(b, 5-b.protocol) // the same in the other protocol
			for _, line := range b.lines {
				if _, err := other.do(words(line)); err != nil {
					d.Fatalf(t, "in RESP%d: %s: %v", other.out.Protocol(), line, err)
				}
			}
			text := main.transcript(t, b)
			if main.st.Digest() != other.st.Digest() {
				d.Fatalf(t, "RESP2 and RESP3 end in different states")
			}
			return text
		})
	})
}

// eachTranscript runs f as a subtest for each transcript.
func eachTranscript(t *testing.T, f func(t *testing.T, path string)) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { f(t, path) })
	}
}

// block is one block of a transcript.
type block struct {
	pos          string
	lines        []string
	protocol     int
	now          string
	fresh        bool
	sorted, ours bool
}

func readBlock(t *testing.T, d *datadriven.TestData) block {
	if d.Cmd != "run" {
		d.Fatalf(t, "blocks begin with run")
	}
	b := block{pos: d.Pos, protocol: 2}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "resp":
			arg.Scan(t, 0, &b.protocol)
		case "now":
			arg.Scan(t, 0, &b.now)
		case "fresh":
			b.fresh = true
		case "sorted":
			b.sorted = true
		case "ours":
			b.ours = true
		default:
			d.Fatalf(t, "unknown option %s", arg.Key)
		}
	}
	for line := range strings.Lines(d.Input) {
		if line = strings.TrimSpace(line); line != "" {
			b.lines = append(b.lines, line)
		}
	}
	return b
}

// prepare does what a block's options ask for.
func (w *world) prepare(b block, protocol int) {
	w.out.SetProtocol(protocol)
	if b.fresh {
		w.fresh()
	}
	if ms, err := strconv.ParseInt(b.now, 10, 64); err == nil {
		if b.now[0] == '+' {
			ms += w.now
		}
		w.now = ms
	}
}

// transcript runs a block and writes down what happens.
func (w *world) transcript(t *testing.T, b block) string {
	t.Helper()
	w.prepare(b, b.protocol)
	var text strings.Builder
	for _, line := range b.lines {
		o, err := w.do(words(line))
		if err != nil {
			t.Fatalf("%s: %s: %v", b.pos, line, err)
		}
		fmt.Fprintln(&text, line)
		writeEvents(&text, o.due)
		for shown := range strings.Lines(render(o.reply, b.sorted)) {
			fmt.Fprintln(&text, "  "+strings.TrimSuffix(shown, "\n"))
		}
		writeEvents(&text, o.events)
		if o.told && o.events != nil {
			fmt.Fprintln(&text, "  > with its argv")
		}
	}
	fmt.Fprintf(&text, "digest %016x\n", w.st.Digest())
	return text.String()
}

func writeEvents(text *strings.Builder, events []string) {
	for _, e := range events {
		if len(e) > 200 {
			e = e[:200] + "…"
		}
		fmt.Fprintln(text, "  > "+e)
	}
}

// render is a reply as a transcript shows it.
func render(v resp.Value, sorted bool) string {
	if sorted {
		sortPlain(v)
	}
	return v.String()
}

// sortPlain sorts every array that holds nothing but plain values.
func sortPlain(v resp.Value) {
	for _, item := range v.Items {
		sortPlain(item)
	}
	if v.Kind == '%' {
		sortPairs(v.Items)
		return
	}
	if !slices.ContainsFunc(v.Items, func(i resp.Value) bool { return i.Items != nil }) {
		slices.SortFunc(v.Items, func(a, b resp.Value) int { return strings.Compare(a.String(), b.String()) })
	}
}

// sortPairs sorts a map's pairs by their keys.
func sortPairs(items []resp.Value) {
	pairs := make([][2]resp.Value, 0, len(items)/2)
	for i := 0; i+1 < len(items); i += 2 {
		pairs = append(pairs, [2]resp.Value{items[i], items[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]resp.Value) int { return strings.Compare(a[0].String(), b[0].String()) })
	for i, p := range pairs {
		items[2*i], items[2*i+1] = p[0], p[1]
	}
}

package engine

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/cockroachdb/datadriven"
)

// TestNotificationsDifferential runs the transcripts of all commands (state/command/testdata)
// here and against redis-server, both with notifications on, and compares what a
// subscriber is sent for each line, message by message; alone and inside MULTI; with all
// classes, and with so few that one taken for another shows.
//
// A block marked ours there is not compared, and both sides are emptied after it.
func TestNotificationsDifferential(t *testing.T) {
	addr := startRedis(t, "--enable-debug-command", "yes")
	if addr == "" {
		t.Skip()
	}
	settings := []string{"AKE", "AKEnm"}
	if !testing.Short() {
		settings = append(settings, "KEglhxn", "KE$lzxm", "KEshzx", "KEtnm") // no two classes are in the same of them
	}
	for _, classes := range settings {
		t.Run(classes, func(t *testing.T) { compareNotifications(t, addr, classes, false) })
	}
	t.Run("MULTI", func(t *testing.T) {
		seen := compareNotifications(t, addr, "AKEnm", true)
		for _, s := range newHarness(t, setup{}).e.table.All() {
			if s.Decide != nil && s.Flags&(command.Write|command.ReadOnly) != 0 && len(s.Keys) > 0 && !seen[s.Name] {
				t.Errorf("%s was not compared", s.Name)
			}
		}
	})
}

// compareNotifications runs all transcripts and returns which commands it has seen.
func compareNotifications(t *testing.T, addr, classes string, multi bool) (seen map[string]bool) {
	paths, err := filepath.Glob("../command/testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	d := newNotifyDuel(t, addr, classes)
	for _, path := range paths {
		d.both("SELECT 0")
		d.both("FLUSHALL")
		d.h.clock = startMS * 1000
		d.unordered = filepath.Base(path) == "sort.txt" // the members of a large set are looked up in no promised order
		datadriven.RunTest(t, path, func(t *testing.T, data *datadriven.TestData) string {
			d.block(t, data, multi)
			return data.Expected
		})
	}
	if d.messages == 0 {
		t.Error("not one message was compared")
	}
	return d.seen
}

// notifyDuel is both sides.
type notifyDuel struct {
	h           *harness
	a, sub      *client
	theirs      *rival
	b, theirSub *rivalConn
	messages    int
	unordered   bool            // misses that follow one another are compared in any order
	seen        map[string]bool // the commands that were compared, by full name
}

func newNotifyDuel(t *testing.T, addr, classes string) *notifyDuel {
	d := &notifyDuel{h: newHarness(t, setup{}), seen: map[string]bool{}}
	d.a, d.sub = d.h.connect(), d.h.connect()
	d.sub.do("PSUBSCRIBE __key*__:*")
	d.a.want("+OK", "CONFIG SET notify-keyspace-events "+classes)
	d.theirs = newRival(t, addr)
	d.theirs.admin.ask("CONFIG SET notify-keyspace-events " + classes)
	d.b, d.theirSub = d.theirs.dial(), d.theirs.dial()
	d.theirSub.ask("PSUBSCRIBE __key*__:*")
	d.theirSub.ask("SUBSCRIBE mark")
	return d
}

func (d *notifyDuel) block(t *testing.T, data *datadriven.TestData, multi bool) {
	var ours bool
	for _, arg := range data.CmdArgs {
		switch arg.Key {
		case "fresh":
			d.both("SELECT 0")
			d.both("FLUSHALL")
		case "ours":
			ours = true
		case "now":
			d.setClock(t, arg.Vals[0])
		}
	}
	var lines []string
	for line := range strings.Lines(data.Input) {
		args := splitWords(t, line)
		if _, problem := d.h.e.table.Lookup(args); len(args) > 0 && (!multi || problem == "") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if multi {
		lines = append(append([]string{"MULTI"}, lines...), "EXEC")
	}
	d.compare(t, data.Pos, lines, multi, ours)
	if ours {
		d.both("FLUSHALL")
	}
}

// setClock is for our side only: redis-server's cannot be set.
func (d *notifyDuel) setClock(t *testing.T, now string) {
	ms, err := strconv.ParseInt(now, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if now[0] == '+' {
		ms += d.h.clock / 1000
	}
	d.h.clock = ms * 1000
}

// both runs a line on both sides without a look at what comes of it.
func (d *notifyDuel) both(line string) {
	d.ours(line)
	d.theirsAll([]string{line}, false)
}

// compare runs lines on both sides; several of them as one where together says so.
func (d *notifyDuel) compare(t *testing.T, pos string, lines []string, together, ours bool) {
	t.Helper()
	var all []told
	for _, line := range lines {
		all = append(all, d.ours(line))
	}
	for i, theirs := range d.theirsAll(lines, together) {
		if ours {
			continue
		}
		if args := splitWords(t, lines[i]); len(args) > 0 {
			if spec, problem := d.h.e.table.Lookup(args); problem == "" {
				d.seen[spec.FullName()] = true
			}
		}
		d.messages += len(theirs.messages)
		if d.unordered {
			sortMisses(all[i].messages)
			sortMisses(theirs.messages)
		}
		if !slices.Equal(all[i].messages, theirs.messages) {
			t.Errorf("%s: %s\nours:  %s\nredis: %s", pos, lines[i], all[i], theirs)
		}
	}
}

// sortMisses sorts each run of misses.
func sortMisses(messages []string) {
	isMiss := func(m string) bool { return strings.Contains(m, "keymiss") }
	for from := 0; from < len(messages); from++ {
		end := from
		for end < len(messages) && isMiss(messages[end]) {
			end++
		}
		slices.Sort(messages[from:end])
		from = end
	}
}

// told is what came of a line.
type told struct {
	reply    string
	messages []string // channel and message
}

func (x told) String() string {
	return strings.Join(x.messages, "\n       ") + "\n       (" + flat(x.reply) + ")"
}

func (d *notifyDuel) ours(line string) (x told) {
	d.a.s.Run([][][]byte{splitWords(d.h.t, line)}, &d.a.out)
	d.h.e.Commit()
	for d.a.s.Waiting() { // the transcripts have none that waits for ever
		d.h.advance(10 * time.Millisecond)
		d.h.e.Tick()
	}
	x.reply = d.a.take()
	d.sub.take()
	for _, f := range d.sub.frames {
		x.messages = append(x.messages, messageOf(f))
	}
	d.sub.frames = nil
	return x
}

// theirsAll has redis-server run lines in one piece, with a message that marks the end of
// each, or of all together.
func (d *notifyDuel) theirsAll(lines []string, together bool) []told {
	var request []byte
	mark := [][]byte{[]byte("PUBLISH"), []byte("mark"), []byte(".")}
	for i, line := range lines {
		request = resp.AppendCommand(request, splitWords(d.h.t, line)...)
		if !together || i == len(lines)-1 {
			request = resp.AppendCommand(request, mark...)
		}
	}
	go d.b.Write(request) // what cannot be written is not answered
	all := make([]told, len(lines))
	for i := range all {
		all[i].reply = d.b.read("+one\r\n")
		if together && i < len(lines)-1 {
			continue
		}
		d.b.read("+one\r\n")
		for m := d.theirMessage(); m != "mark ."; m = d.theirMessage() {
			all[i].messages = append(all[i].messages, m)
		}
	}
	return all
}

func (d *notifyDuel) theirMessage() string { return messageOf(d.theirSub.read("+one\r\n")) }

func splitWords(t testing.TB, line string) [][]byte {
	args, err := resp.SplitWords([]byte(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return args
}

// messageOf is channel and message of a frame.
func messageOf(frame string) string {
	v, err := resp.NewReader(strings.NewReader(frame)).Read()
	if err != nil || len(v.Items) < 3 {
		return strconv.Quote(frame)
	}
	last := v.Items[len(v.Items)-2:]
	return strings.Trim(strconv.Quote(last[0].Text()+" "+last[1].Text()), `"`)
}

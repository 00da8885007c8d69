package session

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"pgregory.net/rapid"
)

func testHeader() Header {
	return Header{
		Name: "checkout-bug", LogID: "00112233445566778899aabbccddeeff", Offset: 4711,
		Started: 1767225600000000, Server: "1.0.0",
		Settings: map[string]string{"databases": "16", "requirepass": ""},
	}
}

func args(words ...string) [][]byte {
	out := make([][]byte, 0, len(words))
	for _, w := range words {
		out = append(out, []byte(w))
	}
	return out
}

// testSteps is a small recording with every kind of step.
func testSteps() []resp.Step {
	return []resp.Step{
		{Kind: resp.StepConnect, Conn: 7, Clock: 1767225600000100, Addr: "127.0.0.1:40000"},
		{Kind: resp.StepPrelude, Conn: 7, Clock: 1767225600000100, Seed: 1, Args: args("SELECT", "3")},
		{Kind: resp.StepCommand, Conn: 7, Clock: 1767225600000200, Arrived: 1767225600000190, Seed: 1 << 63,
			Args: args("SET", "k\x00\r\n", ""), Reply: []byte("+OK\r\n")},
		{Kind: resp.StepTick, Clock: 1767225600000300},
		{Kind: resp.StepEvict, Clock: 1767225600000310, Args: args("15", "k\x00")},
		{Kind: resp.StepHold, Clock: 1767225600000310, Args: args("1")},
		{Kind: resp.StepChange, Conn: 4, Clock: 1767225600000310, Args: args("\x92\x1e", "LOG", "RESTORE", "@1")},
		{Kind: resp.StepFull, Clock: 1767225600000320, Args: args("1")},
		{Kind: resp.StepCommand, Conn: 7, Clock: 1767225600000400, Arrived: 1767225600000390, Seed: 5, Volatile: true,
			Args: args("INFO"), Reply: []byte("$5\r\nabcde\r\n")},
		{Kind: resp.StepCommand, Conn: 7, Clock: 1767225600000500, Arrived: 1767225600000490,
			Args: args("CLIENT", "REPLY", "OFF"), Reply: []byte{}},
		{Kind: resp.StepWait, Conn: 7, Clock: 1767225600000510, Arrived: 1767225600000505, Seed: 3, Args: args("BLPOP", "k", "0")},
		{Kind: resp.StepPush, Conn: 7, Clock: 1767225600000520, Reply: []byte("*-1\r\n")},
		{Kind: resp.StepDisconnect, Conn: 7, Clock: 1767225600000600},
	}
}

func write(t testing.TB, path string, steps []resp.Step) {
	t.Helper()
	w, err := Create(path, testHeader())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		if err := w.Step(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// read returns every step, and the error that ended reading (nil at the end).
func read(path string) (h Header, steps []resp.Step, complete bool, err error) {
	r, err := Open(path)
	if err != nil {
		return h, nil, false, err
	}
	defer r.Close()
	for {
		s, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Header, steps, r.Complete(), nil
		}
		if err != nil {
			return r.Header, steps, false, err
		}
		steps = append(steps, s)
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.session")
	write(t, path, testSteps())
	h, steps, complete, err := read(path)
	if err != nil || !complete {
		t.Fatalf("complete %v, err %v", complete, err)
	}
	if !reflect.DeepEqual(h, testHeader()) {
		t.Errorf("header\n got %+v\nwant %+v", h, testHeader())
	}
	if want := testSteps(); !reflect.DeepEqual(steps, want) {
		t.Errorf("steps\n got %+v\nwant %+v", steps, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("a recording may hold passwords, but its mode is %v", info.Mode())
	}
}

func TestRoundTripRandom(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		var steps []resp.Step
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			s := resp.Step{
				Kind:  resp.StepKind(rapid.IntRange(1, 5).Draw(t, "kind")),
				Conn:  rapid.Uint64().Draw(t, "conn"),
				Clock: rapid.Int64().Draw(t, "clock"),
			}
			switch s.Kind {
			case resp.StepConnect:
				s.Addr = rapid.String().Draw(t, "addr")
			case resp.StepCommand:
				s.Arrived = rapid.Int64().Draw(t, "arrived")
				s.Volatile = rapid.Bool().Draw(t, "volatile")
				s.Reply = rapid.SliceOf(rapid.Byte()).Draw(t, "reply")
				fallthrough
			case resp.StepPrelude:
				s.Seed = rapid.Uint64().Draw(t, "seed")
				s.Args = rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "args")
			}
			steps = append(steps, s)
		}
		w, err := Create(path, testHeader())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := w.Step(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, got, complete, err := read(path)
		if err != nil || !complete || len(got) != len(steps) {
			t.Fatalf("%d of %d steps, complete %v, err %v", len(got), len(steps), complete, err)
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], steps[i]) {
				t.Fatalf("step %d\n got %+v\nwant %+v", i, got[i], steps[i])
			}
		}
	})
}

func TestNeverWritesOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.session")
	write(t, path, testSteps())
	if _, err := Create(path, testHeader()); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("a second recording of the same name: %v", err)
	}
	if _, steps, complete, err := read(path); err != nil || !complete || len(steps) != len(testSteps()) {
		t.Fatal("the first recording was harmed")
	}
}

// TestCutAnywhere cuts a recording at every byte: what is left is a prefix of
// the steps and is never called complete.
func TestCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.session")
	write(t, path, testSteps())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for cut := range len(whole) {
		p := filepath.Join(dir, "cut")
		if err := os.WriteFile(p, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		_, steps, complete, err := read(p)
		if complete {
			t.Fatalf("cut at byte %d of %d: called complete", cut, len(whole))
		}
		want := testSteps()
		for i := range steps {
			if !reflect.DeepEqual(steps[i], want[i]) {
				t.Fatalf("cut at byte %d: step %d is another one", cut, i)
			}
		}
		if err == nil {
			played++
		}
	}
	t.Logf("%d cuts, %d still playable in part, none called complete", len(whole), played)
}

// TestEveryBitFlipIsFound flips each bit: the recording is refused, or read as
// a cut one, or ends early; it is never played whole with another content.
func TestEveryBitFlipIsFound(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.session")
	write(t, path, testSteps())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped, refused := 0, 0
	for bit := range len(whole) * 8 {
		p := filepath.Join(dir, "flip")
		bad := append([]byte(nil), whole...)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(p, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, complete, err := read(p)
		if err == nil && complete {
			t.Fatalf("bit %d of byte %d flipped: read as a complete recording", bit%8, bit/8)
		}
		flipped++
		if err != nil {
			refused++
		}
	}
	t.Logf("bits flipped %d, found %d (refused %d, read as cut short %d)", flipped, flipped, refused, flipped-refused)
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.session")
	write(t, path, testSteps())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := append([]byte(nil), whole...)
	newer[len(magic)] = version + 1
	for _, tc := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, ErrDamaged},
		{"something else", []byte("REDIS0011 and so on, long enough"), ErrDamaged},
		{"newer", newer, ErrNewerFormat},
		{"absurd length", append(append([]byte(magic), version), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0), ErrDamaged},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := filepath.Join(dir, "bad")
			if err := os.WriteFile(p, tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, _, err := read(p)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
		})
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// echo answers each command with what the recording expects, but for planted
// ones.
type echo struct {
	n      int
	plant  map[int][]byte
	mute   bool // nothing is pushed
	events []string
}

func (e *echo) Connect(s resp.Step) error    { e.log("connect", s); return nil }
func (e *echo) Disconnect(s resp.Step) error { e.log("disconnect", s); return nil }
func (e *echo) Tick(s resp.Step) error       { e.log("tick", s); return nil }
func (e *echo) Evict(s resp.Step) error      { e.log("evict", s); return nil }
func (e *echo) Change(s resp.Step) error     { e.log("change", s); return nil }
func (e *echo) Pushed(s resp.Step) ([]byte, error) {
	e.log("pushed", s)
	if e.mute {
		return nil, nil
	}
	return s.Reply, nil
}
func (e *echo) log(what string, s resp.Step) {
	e.events = append(e.events, fmt.Sprint(what, " ", s.Conn))
}
func (e *echo) Command(s resp.Step) ([]byte, error) {
	e.n++
	if planted, ok := e.plant[e.n]; ok {
		return planted, nil
	}
	e.log(string(s.Args[0]), s)
	return s.Reply, nil
}

func play(t *testing.T, e *echo, keepOn bool) (Result, []Divergence) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.session")
	write(t, path, testSteps())
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var found []Divergence
	res, err := Play(r, e, func(d Divergence) bool {
		found = append(found, d)
		return keepOn
	})
	if err != nil {
		t.Fatal(err)
	}
	return res, found
}

func TestPlayFindsTheDifferentReply(t *testing.T) {
	res, found := play(t, &echo{}, true)
	if len(found) != 0 || res != (Result{Steps: 13, Commands: 5, Complete: true}) {
		t.Fatalf("a faithful target: %+v, %d divergences", res, len(found))
	}
	// Command 2 (the first is the prelude) answers otherwise; 3 is volatile.
	res, found = play(t, &echo{plant: map[int][]byte{2: []byte("-ERR no\r\n"), 3: []byte("$3\r\nxyz\r\n")}}, true)
	if len(found) != 1 || res.Divergences != 1 {
		t.Fatalf("one planted reply: %d divergences", len(found))
	}
	d := found[0]
	if d.Step != 3 || d.Conn != 7 || string(d.Args[0]) != "SET" || string(d.Expected) != "+OK\r\n" || string(d.Got) != "-ERR no\r\n" {
		t.Errorf("reported as %+v", d)
	}
	// A volatile reply of another kind is a difference.
	if res, _ = play(t, &echo{plant: map[int][]byte{3: []byte("-ERR no\r\n")}}, true); res.Divergences != 1 {
		t.Errorf("an error for a volatile reply passed")
	}
	// A reply to a command that had none is a difference.
	if res, _ = play(t, &echo{plant: map[int][]byte{4: []byte("+OK\r\n")}}, true); res.Divergences != 1 {
		t.Errorf("a reply where none was recorded passed")
	}
	// So is a frame that does not come.
	if res, found = play(t, &echo{mute: true}, true); res.Divergences != 1 || found[0].Step != 12 || len(found[0].Args) != 0 {
		t.Errorf("a frame that was not pushed passed: %+v", found)
	}
	// Stopping at the first.
	if res, _ = play(t, &echo{plant: map[int][]byte{2: nil}}, false); res.Steps != 3 {
		t.Errorf("went on for %d steps after being told to stop", res.Steps)
	}
}

func TestPlayKeepsTheOrder(t *testing.T) {
	e := &echo{}
	play(t, e, true)
	want := []string{"connect 7", "SELECT 7", "SET 7", "tick 0", "evict 0", "change 0", "change 4", "evict 0", "INFO 7", "CLIENT 7", "BLPOP 7", "pushed 7", "disconnect 7"}
	if !reflect.DeepEqual(e.events, want) {
		t.Errorf("got %v, want %v", e.events, want)
	}
}

func FuzzReader(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.session")
	write(f, path, testSteps())
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		p := filepath.Join(t.TempDir(), "fuzz")
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, steps, _, _ := read(p) // must neither panic nor exhaust memory
		if len(steps) > len(data) {
			t.Fatalf("%d steps out of %d bytes", len(steps), len(data))
		}
	})
}

func BenchmarkStep(b *testing.B) {
	w, err := Create(filepath.Join(b.TempDir(), "a.session"), testHeader())
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	s := testSteps()[2]
	b.ReportAllocs()
	for b.Loop() {
		s.Seed = rng.Uint64()
		if err := w.Step(s); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

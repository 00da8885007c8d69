package replay

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

func TestParsePointRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"":                       "empty",
		"^":                      "empty",
		"@":                      "nothing follows",
		"@x":                     "no offset",
		"@-1":                    "no age",
		"@+1":                    "no offset",
		"@1 ":                    "no offset",
		"@last-":                 "no offset",
		"@last+1":                "no offset",
		"@last--1":               "no offset",
		"@99999999999999999999":  "no offset",
		"@9223372036854775808":   "no offset",
		"@2026-01-01T10:00:00":   "no zone: write 2026-01-01T10:00:00Z",
		"@2026-01-01T10:00":      "RFC 3339",
		"@2026-13-01T10:00:00Z":  "RFC 3339",
		"@10:00":                 "RFC 3339",
		"@2026-01-01":            "RFC 3339",
		"2026-01-01T10:00:00Z":   "an @ before it",
		"-":                      "no age",
		"-5":                     "no age: in minutes it is -5m, and so many entries back @last-5",
		"-5x":                    "no age",
		"--5m":                   "no age",
		"-+5m":                   "no age",
		"-1d-1h":                 "no age",
		"-d":                     "no age",
		"-1h2d":                  "no age",
		"-9999999h":              "no age",
		"a b":                    "tag",
		"a..b":                   "tag",
		".a":                     "tag",
		"ä":                      "tag",
		"a^b":                    "tag",
		strings.Repeat("a", 129): "128",
	} {
		p, err := ParsePoint(text)
		var pe *PointError
		if !errors.As(err, &pe) || !errors.Is(err, ErrBadPoint) || pe.Code() != "BADPOINT" || !strings.Contains(err.Error(), why) ||
			!strings.Contains(err.Error(), "@last-100") {
			t.Errorf("%q gives %v, %v; want %q", text, p, err, why)
		}
	}
}

// timeline is a log of 100 entries, one each second, reachable from @40 on: its
// checkpoints are at 40 and 80, its tags at 45 and 90.
func timeline(t *testing.T) *Window {
	t.Helper()
	w := newWorld(t, 500)
	w.random(100)
	w.checkpoint(40)
	w.checkpoint(80)
	w.tag("early", 45)
	w.tag("late/2", 90)
	w.tag("gone", 10)
	w.stop(true)
	w.open()
	if _, err := w.Log.DropBefore(41); err != nil {
		t.Fatal(err)
	}
	if m := w.Log.Manifest(); m.First == 1 || m.First > 41 {
		t.Fatalf("the log begins at %d", m.First)
	}
	win, err := Look(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	return win
}

// TestResolve is the table of points. now is 30 s after the last entry, which
// came at second 100.
func TestResolve(t *testing.T) {
	w := timeline(t)
	now := base().Add(130 * time.Second)
	for _, c := range []struct {
		point string
		want  string // "offset clock-in-seconds", or the error's code
		says  string // in the error
	}{
		{"@50", "50 50", ""},
		{"@40", "40 40", ""},
		{"@100", "100 100", ""},
		{"@050", "50 50", ""},
		{"@50^", "49 49", ""},
		{"@50^^^", "47 47", ""},
		{"@41^", "40 40", ""},
		{"@101^", "100 100", ""},
		{"@last", "100 100", ""},
		{"@last^", "99 99", ""},
		{"@last-10", "90 90", ""},
		{"@last-10^", "89 89", ""},
		{"@last-60", "40 40", ""},
		{"@first", "41 41", ""},
		{"@first^", "40 40", ""},
		{"early", "45 45", ""},
		{"early^", "44 44", ""},
		{"late/2", "90 90", ""},
		{"@2026-01-01T00:00:50Z", "50 50", ""},
		{"@2026-01-01T01:00:50+01:00", "50 50", ""},
		{"@2026-01-01T00:00:50.5Z", "50 50.5", ""},
		{"@2026-01-01T00:00:49.999999Z", "49 49.999999", ""},
		{"@2026-01-01T00:00:50.5Z^", "49 49", ""},
		{"@2026-01-01T00:00:40Z", "40 40", ""},
		{"@2026-01-01T00:00:40.7Z", "40 40.7", ""},
		{"@2026-01-01T00:02:00Z", "100 120", ""},
		{"-30s", "100 100", ""},
		{"-0s", "100 130", ""},
		{"-1m", "70 70", ""},
		{"-1m500ms", "69 69.5", ""},
		{"-30s^", "99 99", ""},

		{"@39", "COMPACTED", "@39 is before the first reachable point @40; reachable: @40 to @100 (2026-01-01T00:01:40.000000Z); nearest tag: early @45"},
		{"@40^", "COMPACTED", "@40^ (@39)"},
		{"@0", "COMPACTED", "@40"},
		{"@last-61", "COMPACTED", "@last-61 (@39)"},
		{"gone", "COMPACTED", "gone (@10)"},
		{"@2026-01-01T00:00:39Z", "COMPACTED", "@40"},
		{"@1960-01-01T00:00:00Z", "COMPACTED", "@40"},
		{"-1d", "COMPACTED", "@40"},
		{"-1w2d3h", "COMPACTED", "@40"},
		{"@101", "FUTURE", "@101 is after the last entry @100; reachable: @40 to @100 (2026-01-01T00:01:40.000000Z); nearest tag: late/2 @90"},
		{"@9223372036854775807", "FUTURE", "@100"},
		{"@102^", "FUTURE", "@100"},
		{"@2026-01-01T00:02:11Z", "FUTURE", "has not come yet"},
		{"none", "NOTAG", "nearest tag: early @45"},
		{"@last-101", "BADPOINT", "only 100"},
		{"@0^", "BADPOINT", "nothing before"},
	} {
		t.Run(c.point, func(t *testing.T) {
			p, err := ParsePoint(c.point)
			if err != nil {
				t.Fatal(err)
			}
			if p.String() != c.point {
				t.Errorf("it is written %q", p)
			}
			r, err := w.Resolve(p, now)
			got := fmt.Sprintf("%d %v", r.Offset, float64(r.Clock-epoch)/1e6)
			if err != nil {
				var pe *PointError
				if !errors.As(err, &pe) || pe.Point != c.point {
					t.Fatalf("the error is %v", err)
				}
				got = pe.Code()
				if c.says != "" && !strings.Contains(err.Error(), c.says) {
					t.Errorf("the error is %q, it should say %q", err, c.says)
				}
				if !strings.Contains(err.Error(), "reachable: @40 to @100") {
					t.Errorf("%q does not name what can be reached", err)
				}
			} else if want := epoch + int64(r.Offset)*1_000_000; r.Time != want {
				t.Errorf("the entry has time %d, want %d", r.Time, want)
			}
			if got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
		})
	}
	for code, sentinel := range map[string]error{"@39": log.ErrCompacted, "@101": log.ErrFuture, "none": ErrNoTag, "@0^": ErrBadPoint} {
		p, err := ParsePoint(code)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Resolve(p, now); !errors.Is(err, sentinel) {
			t.Errorf("%s gives %v, which is no %v", code, err, sentinel)
		}
	}
}

// TestResolveInANewLog: a log that begins at 1 and has nothing or little in it.
func TestResolveInANewLog(t *testing.T) {
	w := newWorld(t, 0)
	for _, c := range []struct{ point, want string }{
		{"@0", "@0"}, {"@last", "@0"}, {"@first", "@0"}, {"-5m", "@0"}, {"@1", "FUTURE"}, {"@first^", "BADPOINT"},
		{"@2020-01-01T00:00:00Z", "@0"}, {"@1960-01-01T00:00:00Z", "@0"},
	} {
		if got := w.resolve(c.point); got != c.want {
			t.Errorf("empty: %s gives %s, want %s", c.point, got, c.want)
		}
	}
	w.random(2)
	for _, c := range []struct{ point, want string }{
		{"@0", "@0"}, {"@first^", "@0"}, {"@first", "@1 (2026-01-01T00:00:01.000000Z)"}, {"@last", "@2 (2026-01-01T00:00:02.000000Z)"},
		{"@last-2", "@0"}, {"@2020-01-01T00:00:00Z", "@0"}, {"@2026-01-01T00:00:00.9Z", "@0"}, {"@2026-01-01T00:00:01Z^", "@0"},
	} {
		if got := w.resolve(c.point); got != c.want {
			t.Errorf("%s gives %s, want %s", c.point, got, c.want)
		}
	}
}

// resolve gives the point found, or the error's code.
func (w *world) resolve(point string) string {
	w.t.Helper()
	p, err := ParsePoint(point)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := p.Resolve(w.dir, base().Add(10*time.Second))
	var pe *PointError
	if errors.As(err, &pe) {
		return pe.Code()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r.String()
}

// TestEqualTimes: several entries of one time; the last of them is meant.
func TestEqualTimes(t *testing.T) {
	w := newWorld(t, 0)
	for i := range 5 {
		var b event.Buffer
		b.Header(event.Header{Name: "SET"})
		b.String([]byte("k"), []byte{byte(i)}, 0)
		w.Log.Append(log.KindChange, epoch+1_000_000, b.Bytes())
	}
	if err := w.Log.Commit(); err != nil {
		t.Fatal(err)
	}
	w.set("later", "x")
	if got := w.resolve("@2026-01-01T00:00:01Z"); got != "@6 (2026-01-01T00:00:01.000000Z)" {
		t.Errorf("it gives %s", got) // the sixth has the same time: no earlier than the one before
	}
}

func TestRanges(t *testing.T) {
	w := timeline(t)
	now := base().Add(130 * time.Second)
	for _, c := range []struct{ text, want string }{
		{"@50..@60", "50 60"},
		{"@50^..@60", "49 60"},
		{"@50..", "50 100"},
		{"..@50", "40 50"},
		{"..", "40 100"},
		{"@50", "49 50"},
		{"@50^", "48 49"},
		{"early..late/2", "45 90"},
		{"-1m..@last", "70 100"},
		{"@2026-01-01T00:00:50Z..@2026-01-01T00:00:55Z", "50 55"},
		{"@last-3..@last", "97 100"},
		{"@60..@50", "60 50"},
		{"@30..@50", "COMPACTED"},
		{"@40", "COMPACTED"},
		{"@50..@500", "FUTURE"},
		{"@50..@60..@70", "BADPOINT"},
		{"@50...@60", "BADPOINT"},
		{"x y..", "BADPOINT"},
	} {
		r, err := ParseRange(c.text)
		var s Span
		if err == nil {
			s, err = w.ResolveRange(r, now)
		}
		got := fmt.Sprintf("%d %d", s.After.Offset, s.To.Offset)
		var pe *PointError
		if errors.As(err, &pe) {
			got = pe.Code()
		}
		if got != c.want {
			t.Errorf("%s gives %s (%v), want %s", c.text, got, err, c.want)
		}
	}
}

// FuzzParsePoint: what is accepted is written as it was, and means the same when
// it is read again; a range of two points is those two.
func FuzzParsePoint(f *testing.F) {
	for _, s := range []string{"@1", "@first^", "@last-100", "@2026-01-01T10:00:00Z", "@2026-01-01T10:00:00+01:00", "-5m", "-1w2d3h", "tag/1.2_3-4", "@1^^", "-", "@last-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePoint(s)
		if err != nil {
			if !errors.Is(err, ErrBadPoint) {
				t.Fatalf("%q gives %v", s, err)
			}
			return
		}
		if again, err := ParsePoint(p.String()); err != nil || again != p || p.String() != s {
			t.Fatalf("%q is written %q, which gives %+v, %v", s, p, again, err)
		}
		r, err := ParseRange(s + ".." + s)
		if err != nil || r.From != p || r.To != p {
			t.Fatalf("%q as a range gives %+v, %v", s, r, err)
		}
	})
}

func TestTimesAndOffsetsAgree(t *testing.T) {
	w := timeline(t)
	now := base().Add(time.Hour)
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(40_000_000, 200_000_000).Draw(t, "µs")
		p, err := ParsePoint("@" + time.UnixMicro(epoch+micros).UTC().Format(time.RFC3339Nano))
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.Resolve(p, now)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(uint64(micros/1_000_000), 100); r.Offset != want || r.Clock != epoch+micros {
			t.Fatalf("%s gives @%d at %d, want @%d", p, r.Offset, r.Clock, want)
		}
	})
}

package replay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/altilium-db/altilium/log"
)

// Errors about points; what is returned is a *PointError that is one of these or
// log.ErrFuture or log.ErrCompacted.
var (
	// ErrBadPoint is returned for text that is no point.
	ErrBadPoint = errors.New("bad point")
	// ErrNoTag is returned for a name that no tag has.
	ErrNoTag = errors.New("no such tag")
)

// PointError says why a point cannot be had, and what can.
type PointError struct {
	Kind  error  // ErrBadPoint, ErrNoTag, log.ErrFuture or log.ErrCompacted
	Point string // as it was written
	Text  string // what is wrong, and the way out
}

// Error is the text; it names the point.
func (e *PointError) Error() string { return e.Text }

// Unwrap gives the kind.
func (e *PointError) Unwrap() error { return e.Kind }

// Code is the first word of the error on the wire.
func (e *PointError) Code() string {
	switch {
	case errors.Is(e.Kind, log.ErrFuture):
		return "FUTURE"
	case errors.Is(e.Kind, log.ErrCompacted):
		return "COMPACTED"
	case errors.Is(e.Kind, ErrNoTag):
		return "NOTAG"
	}
	return "BADPOINT"
}

// form is how a point is written.
type form uint8

const (
	byOffset form = iota
	byFirst       // the first entry after the first reachable state
	byStart       // the first reachable state itself: the left end of "..B"
	byLast
	byTime
	byAge
	byTag
)

// Point is a moment of a log as a person writes it. The zero value is @0. See
// the package comment for the grammar.
type Point struct {
	text   string
	form   form
	offset uint64        // byOffset; byLast: how many before the last
	time   time.Time     // byTime
	age    time.Duration // byAge
	tag    string        // byTag
	back   uint64        // how many entries before it: the number of ^
}

// String is the point as it was written.
func (p Point) String() string {
	if p == (Point{}) {
		return "@0"
	}
	return p.text
}

// AtOffset is the point after entry n.
func AtOffset(n uint64) Point {
	return Point{text: "@" + strconv.FormatUint(n, 10), form: byOffset, offset: n}
}

// Start is the first reachable point.
func Start() Point { return Point{text: "the first reachable point", form: byStart} }

// Last is the point after the last entry.
func Last() Point { return Point{text: "@last", form: byLast} }

// ParsePoint reads a point. The error is a *PointError of ErrBadPoint.
func ParsePoint(s string) (Point, error) {
	p := Point{text: s}
	rest := s
	for strings.HasSuffix(rest, "^") {
		rest = rest[:len(rest)-1]
		p.back++
	}
	var err error
	switch {
	case rest == "":
		err = errors.New("it is empty")
	case rest[0] == '@':
		err = p.parseAt(rest[1:])
	case rest[0] == '-':
		p.form = byAge
		p.age, err = parseAge(rest[1:])
	default:
		p.form, p.tag = byTag, rest
		if err = CheckTag(rest); err != nil && dated(rest) {
			err = errors.New("a time has an @ before it")
		}
	}
	if err != nil {
		return Point{}, &PointError{Kind: ErrBadPoint, Point: s, Text: fmt.Sprintf("%q is no point: %v; "+
			"a point is @12345, @first, @last, @last-100, @2026-01-01T10:00:00Z, -5m or a tag, each with ^ after it for \"just before\"", s, err)}
	}
	return p, nil
}

// parseAt reads what comes after @.
func (p *Point) parseAt(s string) (err error) {
	switch {
	case s == "first":
		p.form = byFirst
	case s == "last":
		p.form = byLast
	case strings.HasPrefix(s, "last-"):
		p.form = byLast
		p.offset, err = parseNumber(s[len("last-"):])
	case s == "":
		err = errors.New("nothing follows the @")
	case s[0] == '-': // on a command line, -5m looks like a flag
		p.form = byAge
		p.age, err = parseAge(s[1:])
	case strings.ContainsAny(s, "T:") || dated(s):
		p.form = byTime
		p.time, err = parseTime(s)
	default:
		p.form = byOffset
		p.offset, err = parseNumber(s)
	}
	return err
}

// dated reports whether text begins as a time does.
func dated(s string) bool {
	_, err := time.Parse(time.DateOnly, s[:min(len(s), len(time.DateOnly))])
	return err == nil
}

func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || s[0] == '+' {
		return 0, fmt.Errorf("%q is no offset", s)
	}
	return n, nil
}

// parseTime reads an RFC 3339 time. One without a zone means another moment on
// each machine, so it is refused, with the remedy.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err == nil {
		return t.UTC(), nil
	}
	if _, zoneless := time.Parse("2006-01-02T15:04:05.999999999", s); zoneless == nil {
		return t, fmt.Errorf("the time has no zone: write %sZ for UTC, or %s+02:00", s, s)
	}
	return t, fmt.Errorf("%q is no RFC 3339 time, such as 2026-01-01T10:00:00Z", s)
}

// maxAge keeps arithmetic on times far from its bounds.
const maxAge = 200 * 365 * 24 * time.Hour

// parseAge reads a Go duration that may begin with weeks and days: 1w, 2d12h, 5m.
func parseAge(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no age, such as 90s, 5m, 2h or 3d", s)
	if _, err := strconv.ParseUint(s, 10, 63); err == nil {
		bad = fmt.Errorf("%q is no age: in minutes it is -%sm, and so many entries back @last-%s", s, s, s)
	}
	var sum time.Duration
	rest := s
	for _, unit := range []struct {
		name string
		d    time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return 0, bad
		}
		sum += time.Duration(n) * unit.d
		rest = after
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || rest[0] == '+' || rest[0] == '-' {
			return 0, bad
		}
		sum += min(d, maxAge)
	}
	if s == "" || sum > maxAge {
		return 0, bad
	}
	return sum, nil
}

// CheckTag says why a name cannot be a tag's; nil when it can. Tags begin with a
// letter or digit and go on with letters, digits and . _ - / but no "..", so
// that no point or range is ambiguous.
func CheckTag(name string) error {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._-/", rune(c))) {
			return fmt.Errorf("a tag's name cannot hold %q there", c)
		}
	}
	switch {
	case name == "":
		return errors.New("a tag's name is not empty")
	case len(name) > 128:
		return errors.New("a tag's name has at most 128 bytes")
	case strings.Contains(name, ".."):
		return errors.New("a tag's name cannot hold ..")
	}
	return nil
}

// Range is a piece of log as a person writes it: the entries after From up to
// To, as in git.
type Range struct {
	From, To Point
}

// String is the range as it is written.
func (r Range) String() string { return r.From.String() + ".." + r.To.String() }

// ParseRange reads A..B, "A.." (up to the last), "..B" (from the first reachable
// point) or a lone point, which stands for the one entry that it is after.
func ParseRange(s string) (Range, error) {
	from, to, ok := strings.Cut(s, "..")
	if !ok {
		p, err := ParsePoint(s)
		if err != nil {
			return Range{}, err
		}
		before := p
		before.text += "^"
		before.back++
		return Range{From: before, To: p}, nil
	}
	r := Range{From: Start(), To: Last()}
	var err error
	if from != "" {
		if r.From, err = ParsePoint(from); err != nil {
			return Range{}, err
		}
	}
	if to != "" {
		if r.To, err = ParsePoint(to); err != nil {
			return Range{}, err
		}
	}
	return r, nil
}

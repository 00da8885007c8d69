package replay

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// Fact is an event and the database that it happened in.
type Fact struct {
	DB    int
	Event event.Event
}

// Line is an entry of the log, unpacked for a person or a program.
type Line struct {
	Offset uint64
	Time   int64 // µs since 1970
	Conn   uint64
	Origin *event.Origin // nil where the log does not tell
	Cause  [][]byte      // the command's name, or its whole argv
	Facts  []Fact
	Size   int // bytes on disk
}

// Entries reads a log line by line. It may read a directory that a server is
// writing: after io.EOF a later Next goes on where there is more by then.
type Entries struct {
	dir     string
	r       *log.Reader
	origins origins
}

// OpenEntries begins after an offset.
func OpenEntries(dir string, after uint64) (*Entries, error) {
	r, err := log.OpenReader(dir, after+1)
	if err != nil {
		return nil, err
	}
	return &Entries{dir: dir, r: r}, nil
}

// LiveEntries begins after an offset of a log that is open in this process. It hands out what
// is committed, and its Wait is woken by the writer.
func LiveEntries(l *log.Log, after uint64) (*Entries, error) {
	r, err := l.Reader(after + 1)
	if err != nil {
		return nil, err
	}
	return &Entries{dir: l.Dir(), r: r}, nil
}

// Next returns the next line; io.EOF where there is none yet.
func (s *Entries) Next() (*Line, error) {
	e, err := s.r.Next()
	if err != nil {
		return nil, err
	}
	h, events, err := s.origins.follow(s.dir, e)
	if err != nil {
		return nil, err
	}
	return s.origins.line(e, h, events)
}

// Wait waits until Next may have a line, or ctx ends.
func (s *Entries) Wait(ctx context.Context) error { return s.r.Wait(ctx) }

// Close ends reading.
func (s *Entries) Close() error { return s.r.Close() }

// origins remembers what a segment says of its connections. A connection's
// particulars ride in its first entry of a segment, so nothing is kept from one
// segment to the next.
type origins struct {
	segment uint64
	known   map[uint64]*event.Origin
}

// follow takes an entry of the log in dir and gives its header and events.
// Entries must come in order, and all of them; the first may lie anywhere in its
// segment: what the segment's earlier ones say is then read first.
func (o *origins) follow(dir string, e log.Entry) (event.Header, []byte, error) {
	if o.known == nil || o.segment != e.Segment {
		o.segment, o.known = e.Segment, map[uint64]*event.Origin{}
		if err := o.readBefore(dir, e); err != nil {
			return event.Header{}, nil, err
		}
	}
	h, events, err := event.DecodeHeader(e.Body)
	if err != nil {
		return h, nil, fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	o.note(h)
	return h, events, nil
}

// line unpacks a single entry: who its connection is is looked up.
func (s *Seeker) line(e log.Entry) (*Line, error) {
	h, events, err := event.DecodeHeader(e.Body)
	if err != nil {
		return nil, fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	o := origins{known: map[uint64]*event.Origin{}}
	if o.note(h); h.Origin != nil {
		return o.line(e, h, events)
	}
	o.known[h.Conn], err = s.origin(e, h.Conn)
	if err != nil {
		return nil, err
	}
	return o.line(e, h, events)
}

// whose is a connection in a segment.
type whose struct{ segment, conn uint64 }

// told is who a connection was for the entries of a segment from one spot on and before
// another; nil: nothing says who.
type told struct {
	from, to log.Spot
	origin   *event.Origin
}

// mostTold is how much of that a Seeker remembers.
const mostTold = 1 << 14

// origin is who a connection was when it made an entry.
func (s *Seeker) origin(e log.Entry, conn uint64) (*event.Origin, error) {
	spot, _ := e.Spot()
	k := whose{e.Segment, conn}
	if t, ok := s.told[k]; ok && t.from <= spot && spot < t.to {
		return t.origin, nil
	}
	t, err := s.lookUpOrigin(e, conn, spot)
	if err != nil {
		return nil, err
	}
	if len(s.told) >= mostTold {
		clear(s.told)
	}
	s.told[k] = t
	return t.origin, nil
}

// lookUpOrigin looks for the last entry of the segment up to a spot that says who a
// connection is, and for where the next one may be.
func (s *Seeker) lookUpOrigin(e log.Entry, conn uint64, spot log.Spot) (t told, err error) {
	w := s.backwards(s.f.h.Conn(conn), e.Offset)
	for w.alone, w.spot = true, spot+1; ; {
		at, ok, err := w.before(w.spot)
		if err != nil {
			return t, err
		}
		if !ok {
			break
		}
		first, _, err := event.DecodeHeader(at.Body)
		if err != nil {
			return t, fmt.Errorf("entry @%d: %w", at.Offset, err)
		}
		w.spot, _ = at.Spot()
		if first.Origin != nil && first.Conn == conn {
			t.from, t.origin = w.spot, first.Origin
			break
		}
		// it names another connection, or is a key's
	}
	seg := s.segs[w.i]
	x, err := s.index(seg)
	if err != nil {
		return t, err
	}
	next, ok, err := x.After(w.name, spot+1)
	switch {
	case ok:
		t.to = next
	case seg.sealed == nil: // it may grow
		t.to = spot + 1
	default:
		t.to = log.MaxSpot
	}
	return t, err
}

// line unpacks an entry that has been followed.
func (o *origins) line(e log.Entry, h event.Header, events []byte) (l *Line, err error) {
	l = &Line{Offset: e.Offset, Time: e.Time, Conn: h.Conn, Origin: o.known[h.Conn], Cause: h.Argv, Size: e.Size}
	if h.Argv == nil {
		l.Cause = [][]byte{[]byte(h.Name)}
	}
	db := h.DB
	for len(events) > 0 {
		f := Fact{DB: db}
		if events, err = f.Event.Decode(events); err != nil {
			return nil, fmt.Errorf("entry @%d: %w", e.Offset, err)
		}
		if f.Event.Kind == event.Database {
			db = f.Event.DB
			continue
		}
		l.Facts = append(l.Facts, f)
	}
	return l, nil
}

// readBefore collects the origins of a segment's entries before e.
func (o *origins) readBefore(dir string, e log.Entry) error {
	if e.Offset == e.Segment {
		return nil
	}
	r, err := log.OpenReader(dir, e.Segment)
	if errors.Is(err, log.ErrCompacted) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		before, err := r.Next()
		if errors.Is(err, io.EOF) || err == nil && before.Offset >= e.Offset {
			return nil
		}
		if err != nil {
			return err
		}
		h, _, err := event.DecodeHeader(before.Body)
		if err != nil {
			return fmt.Errorf("entry @%d: %w", before.Offset, err)
		}
		o.note(h)
	}
}

func (o *origins) note(h event.Header) {
	if h.Origin != nil {
		o.known[h.Conn] = h.Origin
	}
}

// String is the line for a person.
func (l *Line) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "@%d %s %s %s", l.Offset, stamp(l.Time), who(l.Conn, l.Origin), causeText(l.Cause))
	if len(l.Facts) > 0 {
		b.WriteByte(':')
	}
	db := 0
	for i := range l.Facts {
		if i > 0 {
			b.WriteByte(';')
		}
		if l.Facts[i].DB != db {
			db = l.Facts[i].DB
			fmt.Fprintf(&b, " [db %d]", db)
		}
		b.WriteByte(' ')
		b.WriteString(l.Facts[i].Event.String())
	}
	return b.String()
}

// who names a connection.
func who(conn uint64, o *event.Origin) string {
	if conn == 0 {
		return "server"
	}
	text := "conn " + strconv.FormatUint(conn, 10)
	if o == nil {
		return text
	}
	for _, part := range []string{o.Addr, o.Name} {
		if part != "" {
			text += " " + part
		}
	}
	if o.User != "" && o.User != "default" {
		text += " as " + o.User
	}
	return text
}

// causeText writes a command as it would be typed.
func causeText(argv [][]byte) string {
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = string(arg)
		if i > 0 && !plain(arg) {
			words[i] = strconv.Quote(words[i])
		}
	}
	return strings.Join(words, " ")
}

// plain reports whether a word needs no quotes.
func plain(word []byte) bool {
	for _, c := range word {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '\'' {
			return false
		}
	}
	return len(word) > 0
}

// lineJSON is a Line's JSON form; names are never changed.
type lineJSON struct {
	Offset uint64      `json:"offset"`
	Time   string      `json:"time"`
	Micros int64       `json:"time_us"`
	Conn   uint64      `json:"conn"`
	Origin *originJSON `json:"origin,omitempty"`
	Cause  []Text      `json:"cause"`
	Events []factJSON  `json:"events"`
	Bytes  int         `json:"bytes"`
}

type originJSON struct {
	Addr   string `json:"addr,omitempty"`
	User   string `json:"user,omitempty"`
	Name   string `json:"name,omitempty"`
	Lib    string `json:"lib,omitempty"`
	LibVer string `json:"lib_ver,omitempty"`
}

type factJSON struct {
	DB    int          `json:"db"`
	Event *event.Event `json:"event"`
}

func newOriginJSON(o *event.Origin) *originJSON {
	if o == nil {
		return nil
	}
	return (*originJSON)(o)
}

// MarshalJSON is the line for a program.
func (l *Line) MarshalJSON() ([]byte, error) {
	out := lineJSON{Offset: l.Offset, Time: stamp(l.Time), Micros: l.Time, Conn: l.Conn,
		Origin: newOriginJSON(l.Origin), Cause: texts(l.Cause), Events: []factJSON{}, Bytes: l.Size}
	for i := range l.Facts {
		out.Events = append(out.Events, factJSON{l.Facts[i].DB, &l.Facts[i].Event})
	}
	return json.Marshal(out)
}

// Text is bytes that are mostly text. In JSON it is a string where it is valid
// UTF-8, and {"base64": "…"} where it is not.
type Text []byte

// MarshalJSON is safe for every byte.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return json.Marshal(string(t))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(t)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var coded struct {
		Base64 *[]byte `json:"base64"`
	}
	if len(raw) > 0 && raw[0] == '{' {
		err := json.Unmarshal(raw, &coded)
		if err == nil && coded.Base64 == nil {
			err = errors.New("an object without base64, where text is meant")
		}
		if err == nil {
			*t = *coded.Base64
		}
		return err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	*t = Text(s)
	return err
}

func texts(list [][]byte) []Text {
	out := make([]Text, len(list))
	for i, p := range list {
		out[i] = p
	}
	return out
}

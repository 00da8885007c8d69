package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// Fact is an event and the database that it happened in.
type Fact struct {
	DB    int
	Event event.Event
}

// Line is an entry of the log, unpacked for a person or a program. It points into the
// entry's bytes.
type Line struct {
	Offset uint64
	Time   int64 // µs since 1970
	Conn   uint64
	Origin *event.Origin // nil where the log does not tell
	Cause  [][]byte      // the command's name, or its whole argv; one empty word where there was none
	Facts  []Fact
	Within [][][]byte // causes of a transaction's parts, like Cause, where Facts are those of one key and do not tell
	Size   int        // bytes on disk
}

// Entries reads a log line by line. It may read a directory that a server is
// writing: after io.EOF a later Next goes on where there is more by then.
type Entries struct {
	dir     string
	r       *log.Reader
	origins origins
	own     *Line // after Reuse: what Next returns
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

// keepLine is the size in bytes of an entry up to which the memory of its line is used again.
const keepLine = 16 << 10

// Reuse makes lines valid until the next call only: who keeps none needs no memory for each.
func (s *Entries) Reuse() {
	s.r.Reuse()
	s.own = &Line{}
}

// Next returns the next line; io.EOF where there is none yet.
func (s *Entries) Next() (*Line, error) {
	e, err := s.r.Next()
	if err != nil {
		return nil, err
	}
	l := s.own
	if l == nil {
		l = &Line{}
	} else if l.Size > keepLine {
		*l = Line{}
	}
	if err := s.origins.follow(s.dir, l, e); err != nil {
		return nil, err
	}
	return l, nil
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

// follow makes l the line of an entry of the log in dir, in the memory of what it was.
// Entries must come in order, and all of them; the first may lie anywhere in its
// segment: what the segment's earlier ones say is then read first.
func (o *origins) follow(dir string, l *Line, e log.Entry) error {
	if o.known == nil || o.segment != e.Segment {
		o.segment, o.known = e.Segment, map[uint64]*event.Origin{}
		if err := o.readBefore(dir, e); err != nil {
			return err
		}
	}
	h, events, err := event.DecodeCause(e.Body, l.Cause)
	if err != nil {
		return fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	o.note(h)
	return l.unpack(e, h, events, o.known[h.Conn])
}

// line is that of a single entry, without its facts: who its connection is is looked up.
func (s *Seeker) line(e log.Entry) (*Line, error) {
	h, events, err := event.DecodeCause(e.Body, nil)
	if err != nil {
		return nil, fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	who := h.Origin
	if who == nil {
		if who, err = s.origin(e, h.Conn); err != nil {
			return nil, err
		}
	}
	l := bareLine(e, h, who)
	if len(h.Argv) == 1 && string(h.Argv[0]) == "EXEC" { // no other has parts
		if l.Within, err = causesWithin(events); err != nil {
			return nil, fmt.Errorf("entry @%d: %w", e.Offset, err)
		}
	}
	return &l, nil
}

// causesWithin gives the causes of a transaction's parts.
func causesWithin(events []byte) (causes [][][]byte, err error) {
	for len(events) > 0 {
		var ev event.Event // each with items of its own
		if events, err = ev.Decode(events); err != nil {
			return nil, err
		}
		if ev.Kind == event.Cause {
			causes = append(causes, ev.Items)
		}
	}
	return causes, nil
}

// bareLine is the line of an entry that who has made, without its facts.
func bareLine(e log.Entry, h event.Header, who *event.Origin) Line {
	return Line{Offset: e.Offset, Time: e.Time, Conn: h.Conn, Origin: who, Cause: h.Argv, Size: e.Size}
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

// unpack makes l the line of an entry that who has made. Facts keep their memory, and
// that of what they point to.
func (l *Line) unpack(e log.Entry, h event.Header, events []byte, who *event.Origin) (err error) {
	facts := l.Facts[:0]
	*l = bareLine(e, h, who)
	db := h.DB
	for len(events) > 0 {
		facts = slices.Grow(facts, 1)[:len(facts)+1]
		f := &facts[len(facts)-1]
		f.DB = db
		if events, err = f.Event.Decode(events); err != nil {
			return fmt.Errorf("entry @%d: %w", e.Offset, err)
		}
		if f.Event.Kind == event.Database {
			db = f.Event.DB
			facts = facts[:len(facts)-1]
		}
	}
	l.Facts = facts
	return nil
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
func (l *Line) String() string { return string(l.Append(nil)) }

// Append appends String to dst, and allocates nothing else.
func (l *Line) Append(dst []byte) []byte {
	dst = l.appendCause(dst)
	if len(l.Facts) > 0 {
		dst = append(dst, ':')
	}
	db := 0
	for i := range l.Facts {
		f := &l.Facts[i]
		if i > 0 {
			dst = append(dst, ';')
		}
		if f.DB != db {
			db = f.DB
			dst = append(strconv.AppendInt(append(dst, " [db "...), int64(db), 10), ']')
		}
		dst = f.Event.Append(append(dst, ' '))
	}
	return dst
}

// appendCause appends which entry it is, when and by whom it was made, and by what command.
func (l *Line) appendCause(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, '@'), l.Offset, 10)
	dst = appendStamp(append(dst, ' '), l.Time)
	dst = appendWho(append(dst, ' '), l.Conn, l.Origin)
	if len(l.Cause) == 1 && len(l.Cause[0]) == 0 { // no command's: a key has expired, say
		return dst
	}
	return appendArgv(append(dst, ' '), l.Cause)
}

// appendWho names a connection.
func appendWho(dst []byte, conn uint64, o *event.Origin) []byte {
	if conn == 0 {
		return append(dst, "server"...)
	}
	dst = strconv.AppendUint(append(dst, "conn "...), conn, 10)
	if o == nil {
		return dst
	}
	for _, part := range [...]string{o.Addr, o.Name} {
		if part != "" {
			dst = append(append(dst, ' '), part...)
		}
	}
	if o.User != "" && o.User != "default" {
		dst = append(append(dst, " as "...), o.User...)
	}
	return dst
}

// appendArgv appends a command as it would be typed.
func appendArgv(dst []byte, argv [][]byte) []byte {
	for i, arg := range argv {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if i > 0 && !plain(arg) {
			dst = event.AppendQuoted(dst, arg)
		} else {
			dst = append(dst, arg...)
		}
	}
	return dst
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

// MarshalJSON is the line for a program.
func (l *Line) MarshalJSON() ([]byte, error) { return l.AppendJSON(nil), nil }

// AppendJSON appends MarshalJSON to dst, and allocates nothing else. The names of members are
// never changed, and neither is their order.
func (l *Line) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, `{"offset":`...), l.Offset, 10)
	dst = appendStamp(append(dst, `,"time":"`...), l.Time)
	dst = strconv.AppendInt(append(dst, `","time_us":`...), l.Time, 10)
	dst = strconv.AppendUint(append(dst, `,"conn":`...), l.Conn, 10)
	if l.Origin != nil {
		dst = appendOriginJSON(append(dst, `,"origin":`...), l.Origin)
	}
	dst = append(dst, `,"cause":[`...)
	for i, arg := range l.Cause {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendJSONText(dst, arg)
	}
	dst = append(dst, `],"events":[`...)
	for i := range l.Facts {
		f := &l.Facts[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"db":`...), int64(f.DB), 10)
		dst = append(f.Event.AppendJSON(append(dst, `,"event":`...)), '}')
	}
	dst = strconv.AppendInt(append(dst, `],"bytes":`...), int64(l.Size), 10)
	return append(dst, '}')
}

// appendOriginJSON appends what is known of a connection, and leaves out the rest.
func appendOriginJSON(dst []byte, o *event.Origin) []byte {
	between := byte('{')
	for _, m := range [...]struct{ name, text string }{
		{`"addr":`, o.Addr}, {`"user":`, o.User}, {`"name":`, o.Name}, {`"lib":`, o.Lib}, {`"lib_ver":`, o.LibVer},
	} {
		if m.text != "" {
			dst = event.AppendJSONString(append(append(dst, between), m.name...), m.text)
			between = ','
		}
	}
	if between == '{' {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// Text is bytes that are mostly text. In JSON it is a string where it is valid
// UTF-8, and {"base64": "…"} where it is not.
type Text []byte

// MarshalJSON is safe for every byte.
func (t Text) MarshalJSON() ([]byte, error) { return event.AppendJSONText(nil, t), nil }

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
